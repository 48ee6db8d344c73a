//! Random durations and modifiers.

use tsdb_query::ast::{AtModifier, Duration, DurationExpr, DurationOp, SelectorModifiers, UnaryOp};

use super::arbitrary::{AT, Source};

impl Source<'_> {
    pub(super) fn duration(&mut self) -> Duration {
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

    pub(super) fn modifiers(&mut self) -> SelectorModifiers {
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
