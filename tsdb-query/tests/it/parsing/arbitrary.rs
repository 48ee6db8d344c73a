//! Random trees such as the parser makes: typed, with parentheses only where something else than precedence asks for them.

use tsdb_core::{MatchOp, Matcher};
use tsdb_query::ast::{
    Aggregate, AggregateOp, Binary, BinaryOp, Call, Expr, Grouping, MatchCardinality,
    MatrixSelector, Number, Paren, RangeExtension, SelectorModifiers, Span, StringLiteral,
    Subquery, Unary, UnaryOp, ValueType, VectorMatching, VectorSelector,
};
use tsdb_query::functions::{FUNCTIONS, Function};

pub(super) const AT: Span = Span { start: 0, end: 0 };

const BINARY: [BinaryOp; 18] = [
    BinaryOp::Or,
    BinaryOp::And,
    BinaryOp::Unless,
    BinaryOp::Eq,
    BinaryOp::Ne,
    BinaryOp::Lt,
    BinaryOp::Le,
    BinaryOp::Gt,
    BinaryOp::Ge,
    BinaryOp::TrimUpper,
    BinaryOp::TrimLower,
    BinaryOp::Add,
    BinaryOp::Sub,
    BinaryOp::Mul,
    BinaryOp::Div,
    BinaryOp::Mod,
    BinaryOp::Atan2,
    BinaryOp::Pow,
];

const AGGREGATE: [AggregateOp; 14] = [
    AggregateOp::Sum,
    AggregateOp::Avg,
    AggregateOp::Count,
    AggregateOp::Min,
    AggregateOp::Max,
    AggregateOp::Group,
    AggregateOp::Stddev,
    AggregateOp::Stdvar,
    AggregateOp::Topk,
    AggregateOp::Bottomk,
    AggregateOp::Quantile,
    AggregateOp::CountValues,
    AggregateOp::Limitk,
    AggregateOp::LimitRatio,
];

const METRICS: [&str; 14] = [
    "foo", "a:b", "sum", "by", "without", "offset", "and", "or", "start", "step", "max_of",
    "anchored", "fill", "Infinity",
];

const LABELS: [&str; 14] = [
    "job",
    "on",
    "bool",
    "by",
    "sum",
    "without",
    "inf",
    "NaN",
    "a b",
    "é",
    "__name__x",
    "a\"\\",
    "9",
    "fill",
];

const STRINGS: [&str; 10] = [
    "",
    "x",
    "\"",
    "\\",
    "'`",
    "\n\t\0\u{7f}",
    "é世😀\u{301}",
    "\u{a0}\u{2028}\u{fffd}\u{e000}",
    "a.*|b",
    "$1",
];

/// Draws decisions from random numbers; when they run out, always the first choice, which nests no deeper.
pub(crate) struct Source<'d> {
    decisions: std::slice::Iter<'d, u16>,
}

impl<'d> Source<'d> {
    pub(crate) fn new(decisions: &'d [u16]) -> Self {
        Self {
            decisions: decisions.iter(),
        }
    }

    pub(super) fn below(&mut self, n: usize) -> usize {
        self.decisions.next().map_or(0, |&d| usize::from(d) % n)
    }

    pub(super) fn flag(&mut self) -> bool {
        self.below(2) == 1
    }

    pub(super) fn one_of<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[self.below(choices.len())]
    }

    fn labels(&mut self) -> Vec<String> {
        (0..self.below(3))
            .map(|_| self.one_of(&LABELS).to_owned())
            .collect()
    }

    fn float(&mut self) -> f64 {
        let special = [
            0.0,
            1.0,
            0.5,
            1e-9,
            1.0 / 3.0,
            1e21,
            123_456_789.125,
            f64::MAX,
            f64::MIN_POSITIVE,
            f64::INFINITY,
            f64::NAN,
            5e-324,
            8.0,
            1e20,
        ];
        let value = self.one_of(&special);
        if self.flag() { -value } else { value }
    }

    pub(super) fn number(&mut self) -> Number {
        let is_duration = self.flag();
        let value = if is_duration {
            let ms = self.ms();
            let seconds = (ms / 1_000) as f64 + (ms % 1_000 * 1_000_000) as f64 / 1e9;
            if self.flag() { -seconds } else { seconds }
        } else {
            self.float()
        };
        Number {
            value,
            is_duration,
            span: AT,
        }
    }

    pub(super) fn ms(&mut self) -> i64 {
        let ms = self.one_of(&[
            1,
            999,
            1_000,
            60_000,
            90_061_001,
            604_800_000,
            31_536_000_000,
        ]);
        ms * (1 + self.below(50) as i64)
    }

    pub(crate) fn expr(&mut self) -> Expr {
        match self.below(8) {
            0 => self.of_type(ValueType::String),
            1 => self.of_type(ValueType::Matrix),
            2 | 3 => self.of_type(ValueType::Scalar),
            _ => self.of_type(ValueType::Vector),
        }
    }

    fn of_type(&mut self, wanted: ValueType) -> Expr {
        match wanted {
            ValueType::String => Expr::String(StringLiteral {
                value: self.one_of(&STRINGS).to_owned(),
                span: AT,
            }),
            ValueType::Matrix => match self.below(3) {
                0 | 1 => self.matrix(),
                _ => self.subquery(),
            },
            ValueType::Scalar => match self.below(6) {
                0 | 1 => Expr::Number(self.number()),
                2 => self.call(ValueType::Scalar),
                3 => paren(self.of_type(ValueType::Scalar)),
                4 => self.unary(ValueType::Scalar),
                _ => self.binary(ValueType::Scalar),
            },
            ValueType::Vector => match self.below(9) {
                0..=2 => Expr::Vector(self.selector()),
                3 => self.call(ValueType::Vector),
                4 => paren(self.of_type(ValueType::Vector)),
                5 => self.unary(ValueType::Vector),
                6 => self.aggregate(),
                _ => self.binary(ValueType::Vector),
            },
        }
    }

    fn matchers(&mut self) -> Vec<Matcher> {
        let ops = [
            MatchOp::Equal,
            MatchOp::NotEqual,
            MatchOp::Regex,
            MatchOp::NotRegex,
        ];
        (0..self.below(4))
            .map(|_| {
                let (op, label) = (self.one_of(&ops), self.one_of(&LABELS));
                let value = match op {
                    MatchOp::Equal | MatchOp::NotEqual => self.one_of(&STRINGS),
                    _ => self.one_of(&["a|b", ".*", "\\d\"", "é"]),
                };
                Matcher::new(op, label, value).unwrap()
            })
            .collect()
    }

    fn bare_selector(&mut self) -> VectorSelector {
        let mut matchers = self.matchers();
        let name = (!self.flag()).then(|| self.one_of(&METRICS).to_owned());
        // The one of a name comes last; without a name, one that matches something is needed.
        matchers.push(match &name {
            Some(name) => Matcher::equal("__name__", name),
            None => Matcher::equal(self.one_of(&["__name__", "x", "x y"]), "a b"),
        });
        VectorSelector {
            name,
            matchers,
            modifiers: SelectorModifiers::default(),
            extension: None,
            span: AT,
        }
    }

    fn selector(&mut self) -> VectorSelector {
        VectorSelector {
            modifiers: self.modifiers(),
            extension: self.one_of(&[
                None,
                None,
                Some(RangeExtension::Anchored),
                Some(RangeExtension::Smoothed),
            ]),
            ..self.bare_selector()
        }
    }

    fn matrix(&mut self) -> Expr {
        Expr::Matrix(MatrixSelector {
            selector: self.selector(),
            range: self.duration(),
            span: AT,
        })
    }

    fn subquery(&mut self) -> Expr {
        let inner = self.of_type(ValueType::Vector);
        Expr::Subquery(Subquery {
            expr: Box::new(match inner {
                e @ (Expr::Binary(_) | Expr::Unary(_)) => paren(e),
                e => e,
            }),
            range: self.duration(),
            step: self.flag().then(|| self.duration()),
            modifiers: self.modifiers(),
            span: AT,
        })
    }

    fn call(&mut self, returns: ValueType) -> Expr {
        let fitting: Vec<&'static Function> = FUNCTIONS
            .iter()
            .filter(|f| f.returns == returns && f.name != "info")
            .collect();
        let function = fitting[self.below(fitting.len())];
        let mut types: Vec<ValueType> = function.args.to_vec();
        if function.variadic != 0 && self.flag() {
            types.pop();
        } else if function.variadic < 0 {
            types.extend(function.args.last());
        }
        Expr::Call(Call {
            function,
            args: types.into_iter().map(|t| self.of_type(t)).collect(),
            span: AT,
        })
    }

    fn aggregate(&mut self) -> Expr {
        let op = self.one_of(&AGGREGATE);
        let param = op.has_param().then(|| {
            Box::new(self.of_type(match op {
                AggregateOp::CountValues => ValueType::String,
                _ => ValueType::Scalar,
            }))
        });
        Expr::Aggregate(Aggregate {
            op,
            param,
            expr: Box::new(self.of_type(ValueType::Vector)),
            grouping: Grouping {
                without: self.flag(),
                labels: self.labels(),
            },
            span: AT,
        })
    }

    fn unary(&mut self, wanted: ValueType) -> Expr {
        let inner = self.of_type(wanted);
        let needs_paren = precedence(&inner) < 6 && !matches!(inner, Expr::Unary(_))
            || matches!(inner, Expr::Number(_));
        Expr::Unary(Unary {
            op: self.one_of(&[UnaryOp::Minus, UnaryOp::Plus]),
            expr: Box::new(if needs_paren { paren(inner) } else { inner }),
            span: AT,
        })
    }

    fn binary(&mut self, wanted: ValueType) -> Expr {
        let mut op = self.one_of(&BINARY);
        let (left, right) = match (wanted, self.below(4)) {
            (ValueType::Scalar, _) => (ValueType::Scalar, ValueType::Scalar),
            (_, 0) if !op.is_set() => (ValueType::Scalar, ValueType::Vector),
            (_, 1) if !op.is_set() => (ValueType::Vector, ValueType::Scalar),
            _ => (ValueType::Vector, ValueType::Vector),
        };
        if wanted == ValueType::Scalar && op.is_set() {
            op = BinaryOp::Sub;
        }
        let between_vectors = (left, right) == (ValueType::Vector, ValueType::Vector);
        let (lhs, rhs) = (self.of_type(left), self.of_type(right));
        let (left_least, right_least) = match binary_precedence(op) {
            6 => (7, 6),
            p => (p, p + 1),
        };
        let wrap_left = precedence(&lhs) < left_least;
        let signed = matches!(rhs, Expr::Unary(_))
            || matches!(&rhs, Expr::Number(n) if n.value.is_sign_negative());
        let wrap_right = precedence(&rhs) < right_least && !signed;
        Expr::Binary(Binary {
            op,
            lhs: Box::new(if wrap_left { paren(lhs) } else { lhs }),
            rhs: Box::new(if wrap_right { paren(rhs) } else { rhs }),
            return_bool: op.is_comparison() && (wanted == ValueType::Scalar || self.flag()),
            matching: between_vectors.then(|| self.matching(op)),
            span: AT,
            op_span: AT,
        })
    }

    fn matching(&mut self, op: BinaryOp) -> VectorMatching {
        let mut matching = VectorMatching {
            card: MatchCardinality::ManyToMany,
            on: self.flag(),
            labels: self.labels(),
            include: Vec::new(),
            fill_left: None,
            fill_right: None,
        };
        if op.is_set() {
            return matching;
        }
        matching.card = self.one_of(&[
            MatchCardinality::OneToOne,
            MatchCardinality::ManyToOne,
            MatchCardinality::OneToMany,
        ]);
        if matching.card != MatchCardinality::OneToOne {
            matching.include = self.labels();
            matching.include.retain(|l| !matching.labels.contains(l));
        }
        matching.fill_left = self.flag().then(|| self.float());
        matching.fill_right = self.flag().then(|| self.float());
        matching
    }
}

fn paren(expr: Expr) -> Expr {
    Expr::Paren(Paren {
        expr: Box::new(expr),
        span: AT,
    })
}

/// Mirrors the grammar: 1 for `or` to 6 for `^`, 7 for what needs no parentheses anywhere.
fn precedence(expr: &Expr) -> u8 {
    match expr {
        Expr::Binary(e) => binary_precedence(e.op),
        Expr::Unary(_) => 5,
        Expr::Number(n) if n.value.is_sign_negative() => 5,
        _ => 7,
    }
}

fn binary_precedence(op: BinaryOp) -> u8 {
    match op {
        BinaryOp::Or => 1,
        BinaryOp::And | BinaryOp::Unless => 2,
        op if op.is_comparison() => 3,
        BinaryOp::TrimUpper | BinaryOp::TrimLower => 3,
        BinaryOp::Add | BinaryOp::Sub => 4,
        BinaryOp::Pow => 6,
        _ => 5,
    }
}
