//! Go's regular expression syntax (`regexp/syntax` with its Perl flags), read into an HIR.
//!
//! The parser of `regex_syntax` does the work. What differs is bridged on both sides of it: [`respell`] writes the
//! pattern in the way that parser understands, and [`Checker`] goes over the tree, gives `\d \s \w \b` their ASCII
//! meaning, and refuses what Go does not have.
//!
//! Not bridged yet: the names of Unicode classes (`\p{…}` takes more names than Go's tables have), `\p{^…}`, and Go's
//! bound of 1000 on *nested* repetitions (the bound of the compiled size stands in for it).

use std::borrow::Cow;

use regex_syntax::ast::{
    self, Assertion, AssertionKind, Ast, ClassAscii, ClassAsciiKind, ClassBracketed, ClassPerl,
    ClassPerlKind, ClassSet, ClassSetItem, ClassSetRange, ClassSetUnion, ErrorKind, Flag, Flags,
    FlagsItem, FlagsItemKind, Group, GroupKind, HexLiteralKind, Literal, LiteralKind,
    RepetitionKind, RepetitionRange, Span,
};
use regex_syntax::hir::Hir;
use regex_syntax::hir::translate::TranslatorBuilder;

/// Longest pattern, in bytes. Its tree takes about a hundred times as much.
const MAX_PATTERN_BYTES: usize = 256 * 1024;

/// How deep groups, repetitions and classes nest. What walks the tree may recurse that deep.
const MAX_NESTING: u32 = 250;

/// Go's bound of the counts of `{n,m}`.
const MAX_REPEAT: u32 = 1000;

/// Parses `pattern` with `(?s)`. The error is the reason, in Go's words where Go has some.
pub(super) fn parse(pattern: &str) -> Result<Hir, String> {
    if pattern.len() > MAX_PATTERN_BYTES {
        return Err(format!(
            "expression too large: {} bytes, the limit is {MAX_PATTERN_BYTES}",
            pattern.len()
        ));
    }
    let text = respell(pattern);
    let mut ast = ast::parse::ParserBuilder::new()
        .nest_limit(MAX_NESTING)
        .octal(true)
        .build()
        .parse(&text)
        .map_err(|error| syntax_error(pattern, &error))?;
    Checker { text: &text }.ast(&mut ast)?;
    TranslatorBuilder::new()
        .dot_matches_new_line(true)
        .build()
        .translate(&text, &ast)
        .map_err(|error| {
            format!(
                "invalid character class range: `{}`",
                excerpt(error.pattern(), error.span())
            )
        })
}

fn excerpt<'t>(text: &'t str, span: &Span) -> &'t str {
    text.get(span.start.offset..span.end.offset)
        .unwrap_or_default()
}

/// The code and the excerpt that Go names.
fn syntax_error(pattern: &str, error: &ast::Error) -> String {
    let at = excerpt(error.pattern(), error.span());
    let from = error
        .pattern()
        .get(error.span().start.offset..)
        .unwrap_or_default();
    let (code, at) = match error.kind() {
        ErrorKind::GroupUnclosed => ("missing closing )", pattern),
        ErrorKind::GroupUnopened => ("unexpected )", pattern),
        ErrorKind::ClassUnclosed => ("missing closing ]", from),
        ErrorKind::ClassRangeInvalid
        | ErrorKind::ClassRangeLiteral
        | ErrorKind::UnicodeClassInvalid => ("invalid character class range", at),
        ErrorKind::EscapeUnexpectedEof => ("trailing backslash at end of expression", ""),
        ErrorKind::ClassEscapeInvalid
        | ErrorKind::EscapeUnrecognized
        | ErrorKind::EscapeHexEmpty
        | ErrorKind::EscapeHexInvalid
        | ErrorKind::EscapeHexInvalidDigit
        | ErrorKind::UnsupportedBackreference => ("invalid escape sequence", at),
        ErrorKind::RepetitionMissing => ("missing argument to repetition operator", operator(from)),
        ErrorKind::RepetitionCountInvalid | ErrorKind::DecimalInvalid => {
            ("invalid repeat count", at)
        }
        ErrorKind::GroupNameDuplicate { .. }
        | ErrorKind::GroupNameEmpty
        | ErrorKind::GroupNameInvalid
        | ErrorKind::GroupNameUnexpectedEof => ("invalid named capture", pattern),
        ErrorKind::FlagDanglingNegation
        | ErrorKind::FlagDuplicate { .. }
        | ErrorKind::FlagRepeatedNegation { .. }
        | ErrorKind::FlagUnexpectedEof
        | ErrorKind::FlagUnrecognized
        | ErrorKind::UnsupportedLookAround => ("invalid or unsupported Perl syntax", from),
        ErrorKind::NestLimitExceeded(_) => ("expression nests too deeply", pattern),
        ErrorKind::CaptureLimitExceeded => ("expression too large", pattern),
        kind => return format!("{kind}: `{at}`"),
    };
    format!("{code}: `{at}`")
}

/// The repetition operator at the start of `text`.
fn operator(text: &str) -> &str {
    let end = if text.starts_with('{') {
        text.find('}')
    } else {
        None
    };
    text.get(..=end.unwrap_or(0)).unwrap_or_default()
}

/// Writes what Go takes literally so that the parser takes it literally too: `\Q…\E`, a brace that is no repetition,
/// and within a class everything that is an operator only for the parser (`[`, `&&`, `--`, `~~`).
///
/// What is malformed is copied, for the parser to refuse.
fn respell(pattern: &str) -> Cow<'_, str> {
    if !pattern.contains(['[', '{', '\\']) {
        return Cow::Borrowed(pattern);
    }
    let mut out = String::with_capacity(pattern.len() + 16);
    let mut rest = pattern;
    while let Some(c) = rest.chars().next() {
        let tail = rest.get(c.len_utf8()..).unwrap_or_default();
        match c {
            '\\' if tail.starts_with('Q') => {
                let quoted = tail.get(1..).unwrap_or_default();
                let (quoted, after) = quoted.split_once(r"\E").unwrap_or((quoted, ""));
                regex_syntax::escape_into(quoted, &mut out);
                rest = after;
            }
            '\\' => {
                let (escape, after) = split_escape(rest);
                out.push_str(escape);
                rest = after;
            }
            '{' if !is_repetition(tail) => {
                out.push_str(r"\{");
                rest = tail;
            }
            '[' => {
                out.push('[');
                rest = respell_class(tail, &mut out);
            }
            _ => {
                out.push(c);
                rest = tail;
            }
        }
    }
    Cow::Owned(out)
}

/// Copies a class after its `[`, up to its `]`; the rest of the pattern is returned.
fn respell_class<'p>(class: &'p str, out: &mut String) -> &'p str {
    let mut rest = class;
    if let Some(negated) = rest.strip_prefix('^') {
        out.push('^');
        rest = negated;
    }
    let mut first = true;
    while let Some(c) = rest.chars().next() {
        if c == ']' && !first {
            out.push(']');
            return rest.get(1..).unwrap_or_default();
        }
        first = false;
        if let Some((posix, after)) = split_posix_class(rest) {
            out.push_str(posix);
            rest = after;
            continue;
        }
        let (low, after) = split_class_char(rest);
        push_class_char(low, out);
        rest = after;
        // A class escape such as `\d` bounds no range: a `-` after it is taken by itself.
        let bounds_range = !matches!(
            low.as_bytes(),
            [
                b'\\',
                b'd' | b'D' | b's' | b'S' | b'w' | b'W' | b'p' | b'P',
                ..
            ]
        );
        if bounds_range
            && let Some(high) = rest.strip_prefix('-')
            && !high.is_empty()
            && !high.starts_with(']')
        {
            let (high, after) = split_class_char(high);
            out.push('-');
            push_class_char(high, out);
            rest = after;
        }
    }
    rest
}

/// `[:alpha:]` or `[:^alpha:]`, and what follows it.
fn split_posix_class(class: &str) -> Option<(&str, &str)> {
    let end = class.strip_prefix("[:")?.find(":]")? + 4;
    class.split_at_checked(end)
}

/// One character of a class, or an escape.
fn split_class_char(class: &str) -> (&str, &str) {
    if class.starts_with('\\') {
        return split_escape(class);
    }
    let len = class.chars().next().map_or(0, char::len_utf8);
    class.split_at_checked(len).unwrap_or((class, ""))
}

fn push_class_char(c: &str, out: &mut String) {
    if matches!(c, "[" | "]" | "&" | "~" | "-" | "^") {
        out.push('\\');
    }
    out.push_str(c);
}

/// An escape with all that belongs to it as far as cutting the pattern goes: the braces of `\x{…}` and `\p{…}`.
fn split_escape(text: &str) -> (&str, &str) {
    let escaped = text.chars().nth(1).map_or(0, char::len_utf8);
    let mut len = 1 + escaped;
    if matches!(text.as_bytes(), [b'\\', b'x' | b'p' | b'P', b'{', ..])
        && let Some(end) = text.find('}')
    {
        len = end + 1;
    }
    text.split_at_checked(len).unwrap_or((text, ""))
}

/// Whether what follows a `{` makes it a repetition: `n}`, `n,}` or `n,m}`, without leading zeros.
fn is_repetition(tail: &str) -> bool {
    let number = |n: &str| {
        n == "0" || (!n.is_empty() && !n.starts_with('0') && n.bytes().all(|b| b.is_ascii_digit()))
    };
    let Some((inside, _)) = tail.split_once('}') else {
        return false;
    };
    match inside.split_once(',') {
        None => number(inside),
        Some((min, max)) => number(min) && (max.is_empty() || number(max)),
    }
}

/// Gives a tree Go's meaning where the parser read it otherwise.
struct Checker<'t> {
    text: &'t str,
}

impl Checker<'_> {
    fn ast(&self, ast: &mut Ast) -> Result<(), String> {
        match ast {
            Ast::Empty(_) | Ast::Dot(_) | Ast::ClassUnicode(_) => {}
            Ast::Flags(set) => self.flags(&set.flags)?,
            Ast::Literal(literal) => self.literal(literal)?,
            Ast::Assertion(assertion) => {
                if let Some(other) = self.assertion(assertion)? {
                    *ast = other;
                }
            }
            Ast::ClassPerl(class) => *ast = Ast::class_bracketed(ascii_class(class)),
            Ast::ClassBracketed(class) => self.class(class)?,
            Ast::Repetition(repetition) => {
                if matches!(*repetition.ast, Ast::Repetition(_)) {
                    return Err(
                        self.error("invalid nested repetition operator", &repetition.op.span)
                    );
                }
                let count = match &repetition.op.kind {
                    RepetitionKind::Range(
                        RepetitionRange::Exactly(n)
                        | RepetitionRange::AtLeast(n)
                        | RepetitionRange::Bounded(_, n),
                    ) => *n,
                    RepetitionKind::ZeroOrOne
                    | RepetitionKind::ZeroOrMore
                    | RepetitionKind::OneOrMore => 0,
                };
                if count > MAX_REPEAT {
                    return Err(self.error("invalid repeat count", &repetition.op.span));
                }
                self.ast(&mut repetition.ast)?;
            }
            Ast::Group(group) => {
                if let GroupKind::NonCapturing(flags) = &group.kind {
                    self.flags(flags)?;
                }
                self.ast(&mut group.ast)?;
            }
            Ast::Alternation(alternation) => alternation
                .asts
                .iter_mut()
                .try_for_each(|ast| self.ast(ast))?,
            Ast::Concat(concat) => concat.asts.iter_mut().try_for_each(|ast| self.ast(ast))?,
        }
        Ok(())
    }

    fn flags(&self, flags: &Flags) -> Result<(), String> {
        for item in &flags.items {
            match item.kind {
                FlagsItemKind::Negation
                | FlagsItemKind::Flag(
                    Flag::CaseInsensitive
                    | Flag::MultiLine
                    | Flag::DotMatchesNewLine
                    | Flag::SwapGreed,
                ) => {}
                FlagsItemKind::Flag(Flag::Unicode | Flag::CRLF | Flag::IgnoreWhitespace) => {
                    return Err(self.error("invalid or unsupported Perl syntax", &flags.span));
                }
            }
        }
        Ok(())
    }

    fn literal(&self, literal: &Literal) -> Result<(), String> {
        let known = match &literal.kind {
            LiteralKind::HexFixed(kind) | LiteralKind::HexBrace(kind) => *kind == HexLiteralKind::X,
            // One digit other than 0 would be a backreference.
            LiteralKind::Octal => excerpt(self.text, &literal.span).len() > 2 || literal.c == '\0',
            LiteralKind::Verbatim
            | LiteralKind::Meta
            | LiteralKind::Superfluous
            | LiteralKind::Special(_) => true,
        };
        if known {
            Ok(())
        } else {
            Err(self.error("invalid escape sequence", &literal.span))
        }
    }

    /// What stands for the assertion in its place, if it is to be replaced.
    fn assertion(&self, assertion: &Assertion) -> Result<Option<Ast>, String> {
        let span = assertion.span;
        let literal = |c| {
            Some(Ast::literal(Literal {
                span,
                kind: LiteralKind::Superfluous,
                c,
            }))
        };
        match assertion.kind {
            AssertionKind::StartLine
            | AssertionKind::EndLine
            | AssertionKind::StartText
            | AssertionKind::EndText => Ok(None),
            AssertionKind::WordBoundary | AssertionKind::NotWordBoundary => {
                Ok(Some(Ast::group(Group {
                    span,
                    kind: GroupKind::NonCapturing(Flags {
                        span,
                        items: vec![
                            FlagsItem {
                                span,
                                kind: FlagsItemKind::Negation,
                            },
                            FlagsItem {
                                span,
                                kind: FlagsItemKind::Flag(Flag::Unicode),
                            },
                        ],
                    }),
                    ast: Box::new(Ast::assertion(assertion.clone())),
                })))
            }
            // For Go these are characters that need no escape.
            AssertionKind::WordBoundaryStartAngle => Ok(literal('<')),
            AssertionKind::WordBoundaryEndAngle => Ok(literal('>')),
            AssertionKind::WordBoundaryStart
            | AssertionKind::WordBoundaryEnd
            | AssertionKind::WordBoundaryStartHalf
            | AssertionKind::WordBoundaryEndHalf => {
                Err(self.error("invalid escape sequence", &span))
            }
        }
    }

    fn class(&self, class: &mut ClassBracketed) -> Result<(), String> {
        match &mut class.kind {
            ClassSet::Item(item) => self.class_item(item),
            ClassSet::BinaryOp(op) => Err(self.error("invalid character class range", &op.span)),
        }
    }

    fn class_item(&self, item: &mut ClassSetItem) -> Result<(), String> {
        match item {
            ClassSetItem::Empty(_) | ClassSetItem::Ascii(_) | ClassSetItem::Unicode(_) => Ok(()),
            ClassSetItem::Literal(literal) => self.literal(literal),
            ClassSetItem::Range(range) => {
                self.literal(&range.start)?;
                self.literal(&range.end)
            }
            ClassSetItem::Perl(class) => {
                *item = ClassSetItem::Bracketed(Box::new(ascii_class(class)));
                Ok(())
            }
            ClassSetItem::Bracketed(class) => self.class(class),
            ClassSetItem::Union(union) => union
                .items
                .iter_mut()
                .try_for_each(|item| self.class_item(item)),
        }
    }

    fn error(&self, code: &str, span: &Span) -> String {
        format!("{code}: `{}`", excerpt(self.text, span))
    }
}

/// `\d`, `\s` and `\w` as Go has them: ASCII, and `\s` without the vertical tab.
fn ascii_class(class: &ClassPerl) -> ClassBracketed {
    let span = class.span;
    let ascii = |kind| {
        ClassSetItem::Ascii(ClassAscii {
            span,
            kind,
            negated: false,
        })
    };
    let literal = |c| Literal {
        span,
        kind: LiteralKind::Verbatim,
        c,
    };
    let range = |start, end| {
        ClassSetItem::Range(ClassSetRange {
            span,
            start: literal(start),
            end: literal(end),
        })
    };
    let item = match class.kind {
        ClassPerlKind::Digit => ascii(ClassAsciiKind::Digit),
        ClassPerlKind::Word => ascii(ClassAsciiKind::Word),
        ClassPerlKind::Space => ClassSetItem::Union(ClassSetUnion {
            span,
            items: vec![
                range('\t', '\n'),
                range('\x0c', '\r'),
                ClassSetItem::Literal(literal(' ')),
            ],
        }),
    };
    ClassBracketed {
        span,
        negated: class.negated,
        kind: ClassSet::Item(item),
    }
}
