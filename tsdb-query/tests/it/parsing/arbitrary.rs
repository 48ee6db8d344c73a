//! Random trees such as the parser makes: typed, with parentheses only where something else than precedence asks for them.

use tsdb_core::{MatchOp, Matcher};
use tsdb_query::ast::{
    Aggregate, AggregateOp, AtModifier, Binary, BinaryOp, Call, Duration, DurationExpr, DurationOp,
    Expr, Grouping, MatchCardinality, MatrixSelector, Number, Paren, RangeExtension,
    SelectorModifiers, Span, StringLiteral, Subquery, Unary, UnaryOp, ValueType, VectorMatching,
    VectorSelector,
};
use tsdb_query::functions::{FUNCTIONS, Function};

const AT: Span = Span { start: 0, end: 0 };

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
pub(super) struct Source<'d> {
    decisions: std::slice::Iter<'d, u16>,
}

impl<'d> Source<'d> {
    pub(super) fn new(decisions: &'d [u16]) -> Self {
        Self {
            decisions: decisions.iter(),
        }
    }

    fn below(&mut self, n: usize) -> usize {
        self.decisions.next().map_or(0, |&d| usize::from(d) % n)
    }

    fn flag(&mut self) -> bool {
        self.below(2) == 1
    }

    fn one_of<T: Copy>(&mut self, choices: &[T]) -> T {
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

    fn number(&mut self) -> Number {
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

    fn ms(&mut self) -> i64 {
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

    pub(super) fn expr(&mut self) -> Expr {
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

    fn modifiers(&mut self) -> SelectorModifiers {
        let at = match self.below(5) {
            0 | 1 => None,
            2 => Some(AtModifier::Start),
            3 => Some(AtModifier::End),
            _ => Some(AtModifier::Timestamp(self.one_of(&[
                0,
                1,
                -1,
                -1_500,
                1_603_774_568_123,
                1 << 50,
                -(1 << 50),
            ]))),
        };
        let offset = match self.below(5) {
            0 | 1 => None,
            2 => Some(Duration::Literal(self.ms())),
            3 => Some(Duration::Literal(-self.ms())),
            _ => {
                // Anything longer stands in parentheses.
                let e = match self.duration_expr() {
                    e @ DurationExpr::Binary(
                        DurationOp::Add
                        | DurationOp::Sub
                        | DurationOp::Mul
                        | DurationOp::Div
                        | DurationOp::Mod
                        | DurationOp::Pow,
                        ..,
                    ) => DurationExpr::Paren(Box::new(e), AT),
                    DurationExpr::Unary(op, e, _) => {
                        DurationExpr::Unary(op, Box::new(DurationExpr::Paren(e, AT)), AT)
                    }
                    e => e,
                };
                Some(as_expr(e))
            }
        };
        // An offset that begins with a parenthesis would take an operator that follows for its own.
        let ends_open =
            matches!(&offset, Some(Duration::Expr(e)) if matches!(**e, DurationExpr::Paren(..)));
        SelectorModifiers {
            offset,
            at: at.or(ends_open.then_some(AtModifier::End)),
        }
    }

    fn duration(&mut self) -> Duration {
        match self.below(3) {
            0 | 1 => Duration::Literal(self.ms()),
            _ => as_expr(self.duration_expr()),
        }
    }

    fn duration_expr(&mut self) -> DurationExpr {
        use DurationExpr as D;
        match self.below(8) {
            0 => D::Step(AT),
            1 => D::Range(AT),
            2 | 3 => {
                let mut number = self.number();
                // Must not be zero, too large or no number at all.
                if !number.is_duration {
                    number.value = self.one_of(&[1.0, 0.25, -3.0, 1e9]);
                }
                D::Number(number)
            }
            4 => D::Paren(Box::new(self.duration_expr()), AT),
            5 => {
                let inner = self.duration_expr();
                let binds = duration_precedence(&inner) >= 6;
                let folds = matches!(inner, D::Number(_));
                D::Unary(UnaryOp::Minus, wrap(inner, !binds || folds), AT)
            }
            _ => {
                let ops = [
                    DurationOp::Add,
                    DurationOp::Sub,
                    DurationOp::Mul,
                    DurationOp::Div,
                    DurationOp::Mod,
                    DurationOp::Pow,
                    DurationOp::Min,
                    DurationOp::Max,
                ];
                let op = self.one_of(&ops);
                let (left, right) = (self.duration_expr(), self.duration_expr());
                let (left_least, right_least) = match op {
                    DurationOp::Min | DurationOp::Max => (0, 0),
                    DurationOp::Add | DurationOp::Sub => (4, 5),
                    DurationOp::Mul | DurationOp::Div | DurationOp::Mod => (5, 6),
                    DurationOp::Pow => (7, 6),
                };
                let wrap_left = duration_precedence(&left) < left_least;
                // A sign to the right needs no parentheses.
                let signed = matches!(right, D::Unary(..)) || is_negative(&right);
                let wrap_right = duration_precedence(&right) < right_least && !signed;
                D::Binary(op, wrap(left, wrap_left), wrap(right, wrap_right), AT)
            }
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

fn is_negative(duration: &DurationExpr) -> bool {
    matches!(duration, DurationExpr::Number(n) if n.value.is_sign_negative())
}

fn duration_precedence(duration: &DurationExpr) -> u8 {
    match duration {
        DurationExpr::Binary(DurationOp::Add | DurationOp::Sub, ..) => 4,
        DurationExpr::Binary(DurationOp::Mul | DurationOp::Div | DurationOp::Mod, ..) => 5,
        DurationExpr::Binary(DurationOp::Pow, ..) => 6,
        DurationExpr::Unary(..) => 5,
        number if is_negative(number) => 5,
        _ => 7,
    }
}

fn wrap(duration: DurationExpr, needed: bool) -> Box<DurationExpr> {
    Box::new(if needed {
        DurationExpr::Paren(Box::new(duration), AT)
    } else {
        duration
    })
}

/// A literal, in parentheses or not, would be read as one.
fn as_expr(duration: DurationExpr) -> Duration {
    let mut inner = &duration;
    while let DurationExpr::Paren(e, _) = inner {
        inner = e;
    }
    if matches!(inner, DurationExpr::Number(_)) {
        return Duration::Expr(Box::new(DurationExpr::Step(AT)));
    }
    Duration::Expr(Box::new(duration))
}
