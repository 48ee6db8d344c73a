//! Errors: what they say and where they point, as Prometheus has it.

use super::error;

/// Queries with their errors, without the words `parse error: `.
pub(super) fn check(cases: &[(&str, &str)]) {
    let mut wrong = Vec::new();
    for (query, expected) in cases {
        let (place, message) = expected.split_once(": ").unwrap();
        let expected = format!("{place}: parse error: {message}");
        let found = error(query);
        if found != expected {
            wrong.push(format!(
                "{query}\n  found    {found}\n  expected {expected}"
            ));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn of_tokens() {
    check(&[
        ("", "unknown position: no expression found in input"),
        ("# a comment\n", "1:1: no expression found in input"),
        (".", "1:1: unexpected character: '.'"),
        ("x § y", "1:3: unexpected character: '§'"),
        ("a}", "1:2: unexpected character: '}'"),
        ("2.5.", r#"1:1: bad number or duration syntax: "2.5.""#),
        ("100..4", r#"1:1: bad number or duration syntax: "100..""#),
        ("0deadbeef", r#"1:1: bad number or duration syntax: "0de""#),
        ("a[1x]", r#"1:3: bad number or duration syntax: "1""#),
        ("1é", r#"1:2: unexpected character: 'é'"#),
        ("1dé", r#"1:3: unexpected character: 'é'"#),
        ("1 =~ 1", "1:3: unexpected character after '=': '~'"),
        ("1 !~ 1", "1:3: unexpected character after '!': '~'"),
        ("1 !", "1:3: unexpected character after '!': '\u{fffd}'"),
        ("(1))", "1:5: unexpected right parenthesis ')'"),
        ("((1)", "1:5: unclosed left parenthesis"),
        ("(", "1:2: unclosed left parenthesis"),
        ("a[5m", "1:5: unclosed left bracket"),
        ("a[", "1:3: unexpected end of input in duration expression"),
        ("a]", "1:2: unexpected right bracket ']'"),
        ("a[5m[", "1:5: unexpected left bracket '['"),
        ("{", "1:2: unexpected end of input inside braces"),
        ("a{b{", "1:4: unexpected left brace '{'"),
        (
            "a{b:c=\"d\"}",
            "1:4: unexpected character inside braces: ':'",
        ),
        (
            "a{b!c}",
            "1:4: unexpected character after '!' inside braces: 'c'",
        ),
        ("a{1}", "1:3: unexpected character inside braces: '1'"),
        ("\"abc", "1:1: unterminated quoted string"),
        ("x{a='b\n'}", "1:5: unterminated quoted string"),
        ("`abc", "1:1: unterminated raw string"),
        (r#""\c""#, "1:1: unknown escape sequence U+0063 'c'"),
        (r#""\"#, "1:1: escape sequence not terminated"),
        (
            r#""\x.""#,
            "1:1: illegal character U+002E '.' in escape sequence",
        ),
        (
            r#""\xff""#,
            r#"1:1: error unquoting string "\"\\xff\"": invalid UTF-8"#,
        ),
        (
            "1e999",
            r#"1:1: error parsing number: strconv.ParseFloat: parsing "1e999": value out of range"#,
        ),
    ]);
}

#[test]
fn of_expressions() {
    check(&[
        ("1+", "1:3: unexpected end of input"),
        ("*1", "1:1: unexpected <op:*>"),
        ("-=", r#"1:2: unexpected "=""#),
        ("++-++-+-+-<", "1:11: unexpected <op:<>"),
        ("@@", "1:1: unexpected <op:@>"),
        ("bool", "1:1: unexpected <bool>"),
        ("a b", r#"1:3: unexpected identifier "b""#),
        ("a b:c", r#"1:3: unexpected metric identifier "b:c""#),
        ("a 5m", r#"1:3: unexpected duration "5m""#),
        (
            "a \"a long string\"",
            r#"1:3: unexpected string "\"a long st"..."#,
        ),
        ("a sum", "1:3: unexpected <aggr:sum>"),
        ("a start", r#"1:3: unexpected "start""#),
        ("a, b", r#"1:2: unexpected ",""#),
        ("sum(\n  a\n) +", "3:4: unexpected end of input"),
        ("\"é\" é", "1:6: unexpected character: 'é'"),
        ("a - on(b) ignoring(c) d", "1:11: unexpected <ignoring>"),
        ("a / group_left(b) c", "1:5: unexpected <group_left>"),
        ("a + fill() b", r#"1:10: unexpected ")""#),
        ("foo unless on(bar", "1:18: unclosed left parenthesis"),
        (
            "foo + on bar",
            r#"1:10: unexpected identifier "bar" in grouping opts, expected "(""#,
        ),
        (
            "foo + on(5) bar",
            r#"1:10: unexpected number "5" in grouping opts, expected label"#,
        ),
        (
            "foo + on(,) bar",
            r#"1:10: unexpected "," in grouping opts, expected label"#,
        ),
        (
            "foo + on(a b) bar",
            r#"1:12: unexpected identifier "b" in grouping opts, expected "," or ")""#,
        ),
        (
            "foo + on(a,,) bar",
            r#"1:12: unexpected "," in grouping opts, expected label"#,
        ),
        (
            "foo + on(\"\") bar",
            r#"1:10: invalid label name for grouping: """#,
        ),
    ]);
}

#[test]
fn of_selectors() {
    const EMPTY: &str = "1:1: vector selector must contain at least one non-empty matcher";
    check(&[
        ("{}", EMPTY),
        ("{x=\"\"}", EMPTY),
        ("{x=~\".*\"}", EMPTY),
        ("{x!~\".+\"}", EMPTY),
        ("{x!=\"a\"}", EMPTY),
        ("{\"\"}", EMPTY),
        (
            "rate({x=\"\"}[5m])",
            "1:6: vector selector must contain at least one non-empty matcher",
        ),
        (
            "foo{__name__=\"bar\"}",
            r#"1:1: metric name must not be set twice: "foo" or "bar""#,
        ),
        (
            "foo{\"bar\"}",
            r#"1:1: metric name must not be set twice: "foo" or "bar""#,
        ),
        (
            "{a=b}",
            r#"1:4: unexpected identifier "b" in label matching, expected string"#,
        ),
        (
            "{\"a\"=}",
            r#"1:6: unexpected "}" in label matching, expected string"#,
        ),
        (
            "{a}",
            r#"1:3: unexpected "}" in label matching, expected label matching operator"#,
        ),
        (
            "{a = = }",
            r#"1:6: unexpected "=" in label matching, expected string"#,
        ),
        (
            "{,}",
            r#"1:2: unexpected "," in label matching, expected identifier or "}""#,
        ),
        (
            "{a=\"b\",,}",
            r#"1:8: unexpected "," in label matching, expected identifier or "}""#,
        ),
        (
            "{a=\"b\" c}",
            r#"1:8: unexpected identifier "c" in label matching, expected "," or "}""#,
        ),
        (
            "{a=\"b\" or c=\"d\"}",
            r#"1:8: unexpected identifier "or" in label matching, expected "," or "}""#,
        ),
        (
            "{a=~\"(\"}",
            "1:2: error parsing regexp: missing closing ): `(`",
        ),
    ]);
}

#[test]
fn of_modifiers() {
    check(&[
        ("(a)[5m]", "1:4: ranges only allowed for vector selectors"),
        (
            "rate(a[1m])[1h] offset 1h",
            "1:12: ranges only allowed for vector selectors",
        ),
        (
            "a offset 1m [5m]",
            "1:13: no offset modifiers allowed before range",
        ),
        ("a @ 5 [5m]", "1:7: no @ modifiers allowed before range"),
        (
            "a @ start() [5m]",
            "1:13: no @ modifiers allowed before range",
        ),
        (
            "1 offset 1d",
            "1:1: offset modifier must be preceded by an instant vector selector or range vector selector or a subquery",
        ),
        (
            "(a) @ 5",
            "1:1: @ modifier must be preceded by an instant vector selector or range vector selector or a subquery",
        ),
        (
            "a offset 1s offset 2s",
            "1:1: offset may not be set multiple times",
        ),
        (
            "a @ 1 @ start()",
            "1:1: @ <timestamp> may not be set multiple times",
        ),
        (
            "a @",
            "1:4: unexpected end of input in @, expected timestamp",
        ),
        (
            "a @ b",
            r#"1:5: unexpected identifier "b" in @, expected timestamp"#,
        ),
        (
            "a @ start",
            "1:10: unexpected end of input in @, expected timestamp",
        ),
        (
            "a @ +Inf",
            "1:1: timestamp out of bounds for @ modifier: +Inf",
        ),
        (
            "a @ NaN",
            "1:1: timestamp out of bounds for @ modifier: NaN",
        ),
        (
            "a @ 9223372036854775808",
            "1:1: timestamp out of bounds for @ modifier: 9223372036854775808.000000",
        ),
        (
            "a offset",
            "1:9: unexpected end of input in offset, expected number, duration, step(), or range()",
        ),
        (
            "a offset b",
            r#"1:10: unexpected identifier "b" in offset, expected number, duration, step(), or range()"#,
        ),
        ("a offset 1e10", "1:10: duration out of range"),
        (
            "a[]",
            r#"1:3: unexpected "]" in subquery or range selector, expected number, duration, step(), or range()"#,
        ),
        (
            "a[5m 6m]",
            r#"1:6: unexpected duration "6m" in subquery or range, expected ":" or "]""#,
        ),
        (
            "a[5m:6m 7m]",
            r#"1:9: unexpected duration "7m" in subquery selector, expected "]""#,
        ),
        (
            "a[5m:,]",
            r#"1:6: unexpected "," in subquery selector, expected number, duration, step(), range(), or "]""#,
        ),
        (
            "a[b]",
            "1:3: unexpected character in duration expression: 'b'",
        ),
        (
            "a[$__rate_interval]",
            "1:3: unexpected character in duration expression: '$'",
        ),
        ("a[5m b]", "1:6: unexpected character: 'b', expected ':'"),
        (
            "a[:5m]",
            "1:4: unexpected colon before duration in duration expression",
        ),
        ("a[5m:6m:]", "1:8: unexpected colon ':'"),
        ("a[0s]", "1:3: duration must be greater than 0"),
        ("a[-5m]", "1:3: duration must be greater than 0"),
        ("a[(0)]", "1:3: duration must be greater than 0"),
        ("a[5m:0]", "1:6: duration must be greater than 0"),
        ("a[1.5h]", r#"1:3: unknown unit "." in duration "1.5h""#),
        ("a[5m1h]", r#"1:3: not a valid duration string: "5m1h""#),
        ("a[1/0]", "1:4: division by zero"),
        ("a[1%0s]", "1:4: modulo by zero"),
        (
            "a[max_of(5m)]",
            r#"1:12: unexpected ")" in subquery or range selector, expected number, duration, step(), or range()"#,
        ),
        (
            "a[5m] anchored smoothed",
            "1:1: anchored and smoothed modifiers cannot be used together",
        ),
        (
            "a[5m:] smoothed",
            "1:1: smoothed modifier is not supported for subqueries",
        ),
        ("abs(a) anchored", "1:1: anchored modifier not implemented"),
    ]);
}
