//! Tokens, and how an error names them.

use crate::ast::quote::Quoted;
use crate::ast::{AggregateOp, BinaryOp, Span};

/// What a token is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    End,
    LeftParen,
    RightParen,
    LeftBrace,
    RightBrace,
    LeftBracket,
    RightBracket,
    Comma,
    Colon,
    /// `=`
    Equal,
    /// `=~`
    Regex,
    /// `!~`
    NotRegex,
    /// `@`
    At,
    /// A name without colons.
    Identifier,
    /// A name with colons.
    MetricIdentifier,
    Number,
    Duration,
    String,
    /// An operator between expressions; `!=` also stands between a label and its value.
    Binary(BinaryOp),
    Aggregate(AggregateOp),
    Keyword(Keyword),
    Context(Context),
}

/// Words that modify what stands before them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Keyword {
    Offset,
    Anchored,
    Smoothed,
    By,
    Without,
    On,
    Ignoring,
    GroupLeft,
    GroupRight,
    Fill,
    FillLeft,
    FillRight,
    Bool,
}

/// Words that are functions in one place and part of the syntax in another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Context {
    Start,
    End,
    Step,
    Range,
    MinOf,
    MaxOf,
}

/// A token of the query.
#[derive(Clone, Copy, Debug)]
pub(super) struct Token<'q> {
    pub(super) kind: Kind,
    /// As it was written.
    pub(super) text: &'q str,
    pub(super) span: Span,
}

impl Token<'_> {
    /// The token in an error text.
    pub(super) fn describe(&self) -> String {
        match self.kind {
            Kind::End => "end of input".to_owned(),
            Kind::Identifier => format!("identifier {}", Quoted(self.text)),
            Kind::MetricIdentifier => format!("metric identifier {}", Quoted(self.text)),
            Kind::Number => format!("number {}", self.shortened()),
            Kind::Duration => format!("duration {}", self.shortened()),
            Kind::String => format!("string {}", self.shortened()),
            Kind::Binary(_) | Kind::Regex | Kind::NotRegex | Kind::At => {
                format!("<op:{}>", self.text)
            }
            Kind::Aggregate(_) => format!("<aggr:{}>", self.text),
            Kind::Keyword(_) => format!("<{}>", self.text),
            _ => self.shortened(),
        }
    }

    fn shortened(&self) -> String {
        if self.text.len() <= 10 {
            return Quoted(self.text).to_string();
        }
        let end = self
            .text
            .char_indices()
            .nth(10)
            .map_or(self.text.len(), |(i, _)| i);
        format!("{}...", Quoted(&self.text[..end]))
    }

    /// Whether it may be a metric's name outside of braces.
    pub(super) fn names_a_metric(&self) -> bool {
        use Keyword as K;
        match self.kind {
            Kind::Identifier
            | Kind::MetricIdentifier
            | Kind::Aggregate(_)
            | Kind::Context(_)
            | Kind::Binary(BinaryOp::And | BinaryOp::Or | BinaryOp::Unless) => true,
            Kind::Keyword(word) => matches!(
                word,
                K::Offset
                    | K::Anchored
                    | K::Smoothed
                    | K::By
                    | K::Without
                    | K::Fill
                    | K::FillLeft
                    | K::FillRight
            ),
            _ => false,
        }
    }

    /// Whether it may be a label's name in `by (…)`, `on (…)` and their like.
    pub(super) fn names_a_label(&self) -> bool {
        match self.kind {
            Kind::Identifier
            | Kind::MetricIdentifier
            | Kind::Aggregate(_)
            | Kind::Context(_)
            | Kind::Binary(BinaryOp::And | BinaryOp::Or | BinaryOp::Unless | BinaryOp::Atan2) => {
                true
            }
            Kind::Keyword(word) => word != Keyword::Without,
            _ => false,
        }
    }

    /// Whether an expression may begin with it.
    pub(super) fn begins_an_expression(&self) -> bool {
        matches!(
            self.kind,
            Kind::Number
                | Kind::Duration
                | Kind::String
                | Kind::LeftParen
                | Kind::LeftBrace
                | Kind::Binary(BinaryOp::Add | BinaryOp::Sub)
        ) || self.names_a_metric()
    }
}

/// What a word outside of braces is. Words are keywords in any case.
pub(super) fn kind_of_word(word: &str) -> Kind {
    use AggregateOp as A;
    use Keyword as K;
    // Longest keyword: `count_values`.
    let mut lower = [0; 12];
    let Some(lower) = lower.get_mut(..word.len()) else {
        return kind_of_name(word);
    };
    lower.copy_from_slice(word.as_bytes());
    lower.make_ascii_lowercase();
    match &*lower {
        b"and" => Kind::Binary(BinaryOp::And),
        b"or" => Kind::Binary(BinaryOp::Or),
        b"unless" => Kind::Binary(BinaryOp::Unless),
        b"atan2" => Kind::Binary(BinaryOp::Atan2),
        b"sum" => Kind::Aggregate(A::Sum),
        b"avg" => Kind::Aggregate(A::Avg),
        b"count" => Kind::Aggregate(A::Count),
        b"min" => Kind::Aggregate(A::Min),
        b"max" => Kind::Aggregate(A::Max),
        b"group" => Kind::Aggregate(A::Group),
        b"stddev" => Kind::Aggregate(A::Stddev),
        b"stdvar" => Kind::Aggregate(A::Stdvar),
        b"topk" => Kind::Aggregate(A::Topk),
        b"bottomk" => Kind::Aggregate(A::Bottomk),
        b"quantile" => Kind::Aggregate(A::Quantile),
        b"count_values" => Kind::Aggregate(A::CountValues),
        b"limitk" => Kind::Aggregate(A::Limitk),
        b"limit_ratio" => Kind::Aggregate(A::LimitRatio),
        b"offset" => Kind::Keyword(K::Offset),
        b"anchored" => Kind::Keyword(K::Anchored),
        b"smoothed" => Kind::Keyword(K::Smoothed),
        b"by" => Kind::Keyword(K::By),
        b"without" => Kind::Keyword(K::Without),
        b"on" => Kind::Keyword(K::On),
        b"ignoring" => Kind::Keyword(K::Ignoring),
        b"group_left" => Kind::Keyword(K::GroupLeft),
        b"group_right" => Kind::Keyword(K::GroupRight),
        b"fill" => Kind::Keyword(K::Fill),
        b"fill_left" => Kind::Keyword(K::FillLeft),
        b"fill_right" => Kind::Keyword(K::FillRight),
        b"bool" => Kind::Keyword(K::Bool),
        b"start" => Kind::Context(Context::Start),
        b"end" => Kind::Context(Context::End),
        b"inf" | b"nan" => Kind::Number,
        other => kind_of_duration_word(other).unwrap_or_else(|| kind_of_name(word)),
    }
}

/// What a word inside of brackets is, in lower case.
pub(super) fn kind_of_duration_word(lower: &[u8]) -> Option<Kind> {
    match lower {
        b"step" => Some(Kind::Context(Context::Step)),
        b"range" => Some(Kind::Context(Context::Range)),
        b"min_of" => Some(Kind::Context(Context::MinOf)),
        b"max_of" => Some(Kind::Context(Context::MaxOf)),
        _ => None,
    }
}

fn kind_of_name(word: &str) -> Kind {
    if word.contains(':') {
        Kind::MetricIdentifier
    } else {
        Kind::Identifier
    }
}
