//! What a statement means: its functions, the names of its columns, its intervals; and what is wrong with it.

use std::collections::{HashMap, HashSet};

use jiff::tz::TimeZone;

use super::call::Call;
use super::expand::{self, Names};
use super::function::{Function, Shape};
use super::scope::Scope;
use super::{Context, Outer};
use crate::error::{Error, Result};
use crate::exec::condition::{self, TimeBounds};
use crate::exec::eval::Patterns;
use crate::exec::math;
use crate::exec::time::Interval;
use crate::influxql::ast::{Cast, Expr, Field, Fill, Limit, Select};
use crate::value::FieldType;

/// What a statement means.
#[derive(Debug)]
pub(super) struct Plan {
    /// The columns behind the time.
    pub(super) fields: Vec<PlanField>,
    pub(super) time_name: String,
    /// The functions over points in the select list, each once, with their expressions.
    pub(super) calls: Vec<(Expr, Call)>,
    /// Fields and tags that are read: those of the select list come first.
    pub(super) variables: Vec<Variable>,
    /// The numbers of the variables of a name: rows are asked for them cell by cell.
    places: HashMap<String, Vec<usize>>,
    /// Number of variables that the select list has.
    pub(super) selected: usize,
    pub(super) bounds: TimeBounds,
    /// Nanoseconds before the bounds, or behind them in descending order, whose points the functions look at too.
    pub(super) extra_ns: i64,
    pub(super) condition: Option<Expr>,
    pub(super) patterns: Patterns,
    pub(super) interval: Option<Interval>,
    /// Tags that are grouped by, sorted.
    pub(super) dimensions: Vec<String>,
    pub(super) fill: Fill,
    pub(super) descending: bool,
    pub(super) limit: Limit,
    pub(super) series_limit: Limit,
    pub(super) zone: Option<TimeZone>,
}

/// A column.
#[derive(Debug)]
pub(super) struct PlanField {
    pub(super) expr: Expr,
    pub(super) name: String,
    /// `None` when nothing has such values.
    pub(super) field_type: Option<FieldType>,
}

/// A field or a tag with the type it is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Variable {
    pub(super) name: String,
    pub(super) cast: Option<Cast>,
}

impl Plan {
    /// What the subqueries of a statement take over from it.
    pub(super) fn for_subqueries(
        context: Context<'_>,
        select: &Select,
        outer: &Outer,
    ) -> Result<Outer> {
        let zone = zone(select);
        let utc = zone.clone().unwrap_or(TimeZone::UTC);
        let now_ns = context.session.now_ns;
        let (bounds, _) = condition::split(select.condition.as_ref(), now_ns, &utc)?;
        let named = expand::dimensions(&select.dimensions, &outer.dimensions, || {
            Ok(Default::default())
        })?;
        Ok(Outer {
            bounds: bounds.intersect(outer.bounds),
            interval: interval(select, now_ns, zone)?.or_else(|| outer.interval.clone()),
            dimensions: named,
            descending: select.descending || outer.descending,
            is_subquery: true,
        })
    }

    pub(super) fn new(
        context: Context<'_>,
        select: &Select,
        outer: &Outer,
        scope: &Scope,
    ) -> Result<Self> {
        let zone = zone(select);
        let utc = zone.clone().unwrap_or(TimeZone::UTC);
        let now_ns = context.session.now_ns;
        let (bounds, condition) = condition::split(select.condition.as_ref(), now_ns, &utc)?;
        let mut bounds = bounds.intersect(outer.bounds);
        let own_interval = interval(select, now_ns, zone.clone())?;
        let inherits = own_interval.is_none();
        let interval = own_interval.or_else(|| outer.interval.clone());

        let range = bounds.range();
        let names = || -> Result<Names> {
            Ok(Names {
                fields: scope.fields(),
                tags: scope.tags(context, range)?,
            })
        };
        let tags = || scope.tags(context, range);
        let dimensions = expand::dimensions(&select.dimensions, &outer.dimensions, tags)?;
        let mut list: Vec<Field> = Vec::new();
        let mut time_name = "time".to_owned();
        for field in &select.fields {
            // Time is always there.
            if field.expr.is_time() {
                time_name = field.alias.clone().unwrap_or(time_name);
            } else {
                list.push(field.clone());
            }
        }
        if list.is_empty() {
            return Err(Error::query("at least 1 non-time field must be queried"));
        }
        if list.iter().any(|field| expand::is_wild(&field.expr)) {
            list = expand::fields(&list, &names()?, &dimensions)?;
        }
        for field in &mut list {
            if let Expr::Distinct(name) = &field.expr {
                field.expr = Expr::Call {
                    name: "distinct".to_owned(),
                    args: vec![Expr::var(name)],
                };
            }
        }

        let types = scope.fields();
        let mut plan = Self {
            fields: Vec::new(),
            time_name,
            calls: Vec::new(),
            variables: Vec::new(),
            places: HashMap::new(),
            selected: 0,
            bounds,
            extra_ns: 0,
            patterns: Patterns::of(condition.as_ref())?,
            condition,
            interval,
            dimensions,
            fill: select.fill,
            descending: select.descending || outer.descending,
            limit: select.limit,
            series_limit: select.series_limit,
            zone,
        };
        let mut bare_variables = false;
        for field in &list {
            // Each function is compared with those before.
            context.session.check()?;
            bare_variables |= plan.collect(&field.expr, inherits, &types)?;
        }
        plan.check(select, &list, bare_variables, inherits)?;
        if plan.calls.is_empty() && inherits {
            plan.interval = None;
        }
        if plan.interval.is_some() && bounds.max.is_none() {
            bounds.max = Some(now_ns);
        }
        plan.bounds = bounds;
        if outer.is_subquery && plan.fill == Fill::Null {
            plan.fill = Fill::None;
        }
        plan.name_columns(list, &types);
        plan.selected = plan.variables.len();
        let condition = plan.condition.clone();
        if let Some(condition) = &condition {
            plan.variables_of(condition);
        }
        Ok(plan)
    }

    /// Whether a single function chooses points, whose other fields and times are then shown.
    pub(super) fn is_selector(&self) -> bool {
        match self.calls.as_slice() {
            [(_, call)] => {
                let shape = call.function.shape();
                matches!(shape, Shape::Selector)
                    || matches!(call.function, Function::Top | Function::Bottom)
            }
            _ => false,
        }
    }

    /// The number of a variable, which is added if it is new.
    pub(super) fn variable(&mut self, name: &str, cast: Option<Cast>) -> usize {
        self.place(name, cast).unwrap_or_else(|| {
            let place = self.variables.len();
            self.variables.push(Variable {
                name: name.to_owned(),
                cast,
            });
            self.places.entry(name.to_owned()).or_default().push(place);
            place
        })
    }

    /// The number of a variable, if there is such.
    pub(super) fn place(&self, name: &str, cast: Option<Cast>) -> Option<usize> {
        let is_meant = |place: &usize| {
            let variable = self.variables.get(*place);
            variable.is_some_and(|variable| variable.cast == cast)
        };
        self.places.get(name)?.iter().copied().find(is_meant)
    }

    fn variables_of(&mut self, expr: &Expr) {
        let mut found = Vec::new();
        expr.walk(&mut |expr| {
            if let Expr::Var { name, cast } = expr {
                found.push((name.clone(), *cast));
            }
        });
        for (name, cast) in found {
            self.variable(&name, cast);
        }
    }

    /// Collects the functions and variables of an expression of the select list; whether there is a variable outside of
    /// all functions over points.
    fn collect(
        &mut self,
        expr: &Expr,
        inherits: bool,
        types: &std::collections::BTreeMap<String, FieldType>,
    ) -> Result<bool> {
        match expr {
            Expr::Var { name, cast } => {
                self.variable(name, *cast);
                Ok(true)
            }
            Expr::Paren(inner) => self.collect(inner, inherits, types),
            Expr::Binary { lhs, rhs, op } => {
                if !op.is_arithmetic() {
                    return Err(Error::query(format!(
                        "invalid operator {} in the select list",
                        op.sign()
                    )));
                }
                let is_literal = |expr: &Expr| {
                    matches!(
                        expr.bare(),
                        Expr::Number(_)
                            | Expr::Integer(_)
                            | Expr::String(_)
                            | Expr::Boolean(_)
                            | Expr::Duration(_)
                    )
                };
                if is_literal(lhs) && is_literal(rhs) {
                    return Err(Error::query("field must contain at least one variable"));
                }
                let left = self.collect(lhs, inherits, types)?;
                Ok(self.collect(rhs, inherits, types)? || left)
            }
            Expr::Call { name, args } => {
                if Function::named(name).is_none() {
                    let Some(wanted) = math::arguments(name) else {
                        return Err(Error::query(format!("undefined function {name}()")));
                    };
                    if args.len() != wanted {
                        let got = args.len();
                        return Err(Error::query(format!(
                            "invalid number of arguments for {name}, expected {wanted}, got {got}"
                        )));
                    }
                    let mut bare = false;
                    for arg in args {
                        bare |= self.collect(arg, inherits, types)?;
                    }
                    return Ok(bare);
                }
                if !self.calls.iter().any(|(known, _)| known == expr) {
                    let call = Call::new(self, expr, inherits)?;
                    call.check_types(self, types)?;
                    self.extra_ns = self.extra_ns.max(call.extra_ns(self.interval.as_ref()));
                    self.calls.push((expr.clone(), call));
                }
                Ok(false)
            }
            Expr::Number(_)
            | Expr::Integer(_)
            | Expr::String(_)
            | Expr::Boolean(_)
            | Expr::Duration(_) => Ok(false),
            other => Err(Error::query(format!(
                "invalid expression in the select list: {other}"
            ))),
        }
    }

    /// What InfluxDB refuses.
    fn check(
        &self,
        select: &Select,
        list: &[Field],
        bare_variables: bool,
        inherits: bool,
    ) -> Result<()> {
        let refused = |message: &str| Err(Error::query(message));
        if self.calls.is_empty() {
            if list.iter().any(|field| !has_variable(&field.expr)) {
                return refused("field must contain at least one variable");
            }
            match select.fill {
                Fill::None => return refused("fill(none) must be used with a function"),
                Fill::Linear => return refused("fill(linear) must be used with a function"),
                _ => {}
            }
            if self.interval.is_some() && !inherits {
                return refused("GROUP BY requires at least one aggregate function");
            }
            return Ok(());
        }
        let has = |function: Function| self.calls.iter().any(|(_, call)| call.function == function);
        for function in [Function::Top, Function::Bottom] {
            if has(function) && self.calls.len() > 1 {
                return Err(Error::query(format!(
                    "selector function {}() cannot be combined with other functions",
                    function.name()
                )));
            }
        }
        if has(Function::Distinct) && (self.calls.len() > 1 || bare_variables) {
            return refused(
                "aggregate function distinct() cannot be combined with other functions or fields",
            );
        }
        let only_selectors = self.calls.iter().all(|(_, call)| {
            call.function.shape() == Shape::Selector
                || matches!(call.function, Function::Top | Function::Bottom)
        });
        if bare_variables && !only_selectors {
            return refused("mixing aggregate and non-aggregate queries is not supported");
        }
        if bare_variables && self.calls.len() > 1 {
            return refused(
                "mixing multiple selector functions with tags or fields is not supported",
            );
        }
        if let [(_, call)] = self.calls.as_slice()
            && matches!(call.function, Function::Top | Function::Bottom)
            && select.limit.count > 0
            && call.n > select.limit.count
        {
            return Err(Error::query(format!(
                "limit ({}) in {} function can not be larger than the LIMIT ({}) in the select statement",
                call.n,
                call.function.name(),
                select.limit.count
            )));
        }
        Ok(())
    }

    /// Gives each column its name: the alias, or the name of what it is made of, with a number where that is taken.
    fn name_columns(
        &mut self,
        list: Vec<Field>,
        types: &std::collections::BTreeMap<String, FieldType>,
    ) {
        let mut columns: Vec<Field> = Vec::new();
        for field in list {
            let tags = match &field.expr {
                Expr::Call { name, args } if matches!(name.as_str(), "top" | "bottom") => args
                    .get(1..args.len().saturating_sub(1))
                    .unwrap_or_default()
                    .to_vec(),
                _ => Vec::new(),
            };
            columns.push(field);
            // The tags of top() and bottom() are columns too.
            columns.extend(tags.into_iter().map(|expr| Field { expr, alias: None }));
        }
        let mut taken = HashSet::from([self.time_name.clone()]);
        // The last number of each name: one name may stand a hundred thousand times.
        let mut numbers: HashMap<String, usize> = HashMap::new();
        taken.extend(columns.iter().filter_map(|field| field.alias.clone()));
        for field in columns {
            let name = field.alias.unwrap_or_else(|| {
                let base = name_of(&field.expr);
                let mut name = base.clone();
                if taken.contains(&name) {
                    let n = numbers.entry(base.clone()).or_default();
                    while taken.contains(&name) {
                        *n += 1;
                        name = format!("{base}_{n}");
                    }
                }
                taken.insert(name.clone());
                name
            });
            self.variables_of_column(&field.expr);
            let field_type = type_of(&field.expr, types);
            self.fields.push(PlanField {
                field_type,
                expr: field.expr,
                name,
            });
        }
    }

    fn variables_of_column(&mut self, expr: &Expr) {
        if let Expr::Var { name, cast } = expr {
            self.variable(name, *cast);
        }
    }
}

fn has_variable(expr: &Expr) -> bool {
    let mut found = false;
    expr.walk(&mut |expr| found |= matches!(expr, Expr::Var { .. }));
    found
}

/// The name of a column: those of its functions and variables, joined.
fn name_of(expr: &Expr) -> String {
    match expr {
        Expr::Var { name, .. } | Expr::Call { name, .. } => name.clone(),
        Expr::Paren(inner) => name_of(inner),
        Expr::Binary { lhs, rhs, .. } => {
            let names = [name_of(lhs), name_of(rhs)];
            let names: Vec<String> = names.into_iter().filter(|name| !name.is_empty()).collect();
            names.join("_")
        }
        _ => String::new(),
    }
}

/// The type of a column; a tag has text.
fn type_of(
    expr: &Expr,
    types: &std::collections::BTreeMap<String, FieldType>,
) -> Option<FieldType> {
    match expr {
        Expr::Var { name, .. } => types.get(name).copied(),
        Expr::Paren(inner) => type_of(inner, types),
        Expr::Call { name, args } => {
            let of_argument = args.first().and_then(|arg| type_of(arg, types));
            match Function::named(name) {
                Some(function) => of_argument.map(|of_argument| function.gives(of_argument)),
                None => Some(FieldType::Float),
            }
        }
        Expr::Binary { lhs, rhs, op } => match (type_of(lhs, types), type_of(rhs, types)) {
            (Some(FieldType::Integer), Some(FieldType::Integer))
                if *op != crate::influxql::ast::BinaryOp::Div =>
            {
                Some(FieldType::Integer)
            }
            (None, None) => None,
            _ => Some(FieldType::Float),
        },
        Expr::Integer(_) => Some(FieldType::Integer),
        Expr::Number(_) => Some(FieldType::Float),
        _ => None,
    }
}

fn zone(select: &Select) -> Option<TimeZone> {
    let name = select.zone.as_deref()?;
    TimeZone::get(name).ok()
}

/// The intervals of `GROUP BY time(…)`, if there are any.
fn interval(select: &Select, now_ns: i64, zone: Option<TimeZone>) -> Result<Option<Interval>> {
    let mut found = None;
    for dimension in &select.dimensions {
        let Expr::Call { name, args } = dimension.bare() else {
            continue;
        };
        if name != "time" {
            continue;
        }
        if !(1..=2).contains(&args.len()) {
            return Err(Error::query("time dimension expected 1 or 2 arguments"));
        }
        let Some(Expr::Duration(every_ns)) = args.first() else {
            return Err(Error::query("time dimension must have duration argument"));
        };
        if found.is_some() {
            return Err(Error::query("multiple time dimensions not allowed"));
        }
        let every_ns = *every_ns;
        let offset_ns = match args.get(1) {
            None => 0,
            Some(Expr::Duration(offset_ns)) if every_ns > 0 => offset_ns % every_ns,
            Some(Expr::Call { name, args }) if name == "now" && args.is_empty() && every_ns > 0 => {
                now_ns.rem_euclid(every_ns)
            }
            Some(Expr::String(text)) if every_ns > 0 => {
                let utc = zone.clone().unwrap_or(TimeZone::UTC);
                let t_ns = crate::exec::time::parse(text, &utc);
                let t_ns = t_ns.ok_or_else(|| {
                    Error::query("time dimension offset must be duration or now()")
                })?;
                t_ns.rem_euclid(every_ns)
            }
            Some(_) if every_ns > 0 => {
                return Err(Error::query(
                    "time dimension offset must be duration or now()",
                ));
            }
            Some(_) => 0,
        };
        found = Some((every_ns, offset_ns));
    }
    // An interval that is not positive is none.
    Ok(found
        .filter(|(every_ns, _)| *every_ns > 0)
        .map(|(every_ns, offset_ns)| Interval {
            every_ns,
            offset_ns,
            zone,
        }))
}
