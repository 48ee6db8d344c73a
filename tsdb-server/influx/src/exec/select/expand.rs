//! `*` and patterns in the select list and in `GROUP BY`, replaced by the names they stand for.

use std::collections::{BTreeMap, BTreeSet};

use super::function::Function;
use crate::error::{Error, Result};
use crate::influxql::ast::{Cast, Expr, Field};
use crate::pattern::Pattern;
use crate::value::FieldType;

/// Names of the sources.
pub(super) struct Names {
    pub(super) fields: BTreeMap<String, FieldType>,
    pub(super) tags: BTreeSet<String>,
}

/// Whether anything in the expression stands for several names.
pub(super) fn is_wild(expr: &Expr) -> bool {
    let mut wild = false;
    expr.walk(&mut |expr| wild |= matches!(expr, Expr::Wildcard(_) | Expr::Regex(_)));
    wild
}

/// The select list with every wildcard replaced. Tags that are grouped by are left out.
pub(super) fn fields(list: &[Field], names: &Names, dimensions: &[String]) -> Result<Vec<Field>> {
    let mut out = Vec::new();
    for field in list {
        if !is_wild(&field.expr) {
            out.push(field.clone());
            continue;
        }
        match &field.expr {
            Expr::Wildcard(cast) => out.extend(variables(names, dimensions, *cast, |_| true)),
            Expr::Regex(pattern) => {
                let pattern = compiled(pattern)?;
                out.extend(variables(names, dimensions, None, |name| {
                    pattern.is_match(name)
                }));
            }
            Expr::Call { .. } => calls(field, names, &mut out)?,
            Expr::Binary { rhs, lhs, .. } => {
                let what = if has_regex(lhs) || has_regex(rhs) {
                    "regex"
                } else {
                    "wildcard"
                };
                return Err(Error::query(format!(
                    "unable to use {what} in a binary expression"
                )));
            }
            other => {
                return Err(Error::query(format!(
                    "unsupported expression with wildcard: {other}"
                )));
            }
        }
    }
    Ok(out)
}

fn has_regex(expr: &Expr) -> bool {
    let mut found = false;
    expr.walk(&mut |expr| found |= matches!(expr, Expr::Regex(_)));
    found
}

fn compiled(pattern: &str) -> Result<Pattern> {
    Pattern::new(pattern).map_err(|e| Error::query(e.to_string()))
}

/// Fields and tags by name; a field comes before a tag of the same name.
fn variables(
    names: &Names,
    dimensions: &[String],
    only: Option<Cast>,
    is_meant: impl Fn(&str) -> bool,
) -> Vec<Field> {
    let fields = names.fields.keys().map(|name| (name, false));
    let tags = names.tags.iter().map(|name| (name, true));
    let mut all: Vec<(&String, bool)> = fields
        .filter(|_| only != Some(Cast::Tag))
        .chain(tags.filter(|(name, _)| only != Some(Cast::Field) && !dimensions.contains(name)))
        .filter(|(name, _)| is_meant(name))
        .collect();
    all.sort();
    let variables = all.into_iter().map(|(name, is_tag)| Field {
        expr: Expr::Var {
            name: name.clone(),
            cast: Some(if is_tag { Cast::Tag } else { Cast::Field }),
        },
        alias: None,
    });
    variables.collect()
}

/// One call for each field that the function takes, named after both.
fn calls(field: &Field, names: &Names, out: &mut Vec<Field>) -> Result<()> {
    let Some((function, wild)) = innermost(&field.expr) else {
        return Err(Error::query(format!(
            "unsupported expression with wildcard: {}",
            field.expr
        )));
    };
    let pattern = match wild {
        Expr::Regex(pattern) => Some(compiled(pattern)?),
        Expr::Wildcard(Some(Cast::Tag)) => {
            return Err(Error::query(format!(
                "unable to use tag as wildcard in {function}()"
            )));
        }
        _ => None,
    };
    let kind = Function::named(function);
    let kind = kind.ok_or_else(|| Error::query(format!("undefined function {function}()")))?;
    let prefix = match (&field.alias, &field.expr) {
        (Some(alias), _) => alias.as_str(),
        (None, Expr::Call { name, .. }) => name.as_str(),
        _ => function,
    };
    for (name, field_type) in &names.fields {
        let is_meant = pattern
            .as_ref()
            .is_none_or(|pattern| pattern.is_match(name));
        if is_meant && kind.takes(*field_type) {
            out.push(Field {
                expr: with_argument(&field.expr, name),
                alias: Some(format!("{prefix}_{name}")),
            });
        }
    }
    Ok(())
}

/// The innermost function and the wildcard that is its first argument.
fn innermost(expr: &Expr) -> Option<(&str, &Expr)> {
    let Expr::Call { name, args } = expr else {
        return None;
    };
    match args.first()? {
        inner @ Expr::Call { .. } => innermost(inner),
        wild @ (Expr::Wildcard(_) | Expr::Regex(_)) => Some((name, wild)),
        _ => None,
    }
}

/// The call with a field in the place of the wildcard.
fn with_argument(expr: &Expr, field: &str) -> Expr {
    match expr {
        Expr::Call { name, args } => Expr::Call {
            name: name.clone(),
            args: args.iter().map(|arg| with_argument(arg, field)).collect(),
        },
        Expr::Wildcard(_) | Expr::Regex(_) => Expr::Var {
            name: field.to_owned(),
            cast: Some(Cast::Field),
        },
        other => other.clone(),
    }
}

/// The tags that `GROUP BY` names, each once, sorted.
pub(super) fn dimensions(
    dimensions: &[Expr],
    inherited: &[String],
    tags: impl Fn() -> Result<BTreeSet<String>>,
) -> Result<Vec<String>> {
    let mut out: BTreeSet<String> = inherited.iter().cloned().collect();
    for dimension in dimensions {
        match dimension.bare() {
            Expr::Var { name, .. } => {
                if dimension.is_time() {
                    return Err(Error::query(
                        "time() is a function and expects at least one argument",
                    ));
                }
                out.insert(name.clone());
            }
            Expr::Wildcard(_) => out.extend(tags()?),
            Expr::Regex(pattern) => {
                let pattern = compiled(pattern)?;
                out.extend(tags()?.into_iter().filter(|tag| pattern.is_match(tag)));
            }
            Expr::Call { name, .. } if name == "time" => {}
            Expr::Call { .. } => {
                return Err(Error::query("only time() calls allowed in dimensions"));
            }
            _ => return Err(Error::query("only time and tag dimensions allowed")),
        }
    }
    Ok(out.into_iter().collect())
}
