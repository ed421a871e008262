//! What a template may say: fields, comparisons, `if`, `for` and four filters. Called before each rendering.
//!
//! Left out is everything that makes a new value out of others (joining and repeating texts, lists, variables, blocks that
//! are kept): repeated, it fills the memory within a few hundred characters, and no count of steps notices. An
//! engine that learns something new does not compile here before somebody has decided about it.

use minijinja::machinery::{
    Span, Token,
    ast::{Expr, Stmt},
    parse, tokenize,
};

use super::TemplateError;

/// Most tags, `{{ … }}` and `{% … %}`, in a template.
const MAX_TAGS: usize = 200;
/// Most words and signs in one tag.
const MAX_WORDS: usize = 60;
const FILTERS: [&str; 4] = ["upper", "lower", "round", "default"];

/// Whether the template says only that.
pub(super) fn check(template: &str) -> Result<(), TemplateError> {
    measure(template)?;
    let tree = parse(template, "template", Default::default())?;
    statement(&tree)
}

/// The engine follows what it reads into its depth, on the stack: a template of a few kilobytes could end the process. So
/// its pieces are counted first, which takes no depth.
fn measure(template: &str) -> Result<(), TemplateError> {
    let (mut tags, mut words) = (0, 0);
    for token in tokenize(template, false, Default::default()) {
        let (token, span) = token?;
        match token {
            Token::TemplateData(_) => {}
            Token::VariableStart | Token::BlockStart => {
                tags += 1;
                words = 0;
            }
            _ => words += 1,
        }
        if tags > MAX_TAGS {
            return no(span, &format!("more than {MAX_TAGS} tags"));
        }
        if words > MAX_WORDS {
            return no(span, &format!("more than {MAX_WORDS} words in one tag"));
        }
    }
    Ok(())
}

fn no(span: Span, what: &str) -> Result<(), TemplateError> {
    Err(TemplateError {
        line: Some(usize::from(span.start_line)),
        problem: format!("{what} cannot be used in templates of messages"),
    })
}

fn statements(list: &[Stmt<'_>]) -> Result<(), TemplateError> {
    list.iter().try_for_each(statement)
}

fn statement(stmt: &Stmt<'_>) -> Result<(), TemplateError> {
    match stmt {
        Stmt::Template(template) => statements(&template.children),
        Stmt::EmitRaw(_) => Ok(()),
        Stmt::EmitExpr(emit) => expression(&emit.expr),
        Stmt::IfCond(condition) => {
            expression(&condition.expr)?;
            statements(&condition.true_body)?;
            statements(&condition.false_body)
        }
        Stmt::ForLoop(each) => {
            if each.recursive {
                return no(each.span(), "a recursive `for`");
            }
            expression(&each.target)?;
            expression(&each.iter)?;
            each.filter_expr.as_ref().map_or(Ok(()), expression)?;
            statements(&each.body)?;
            statements(&each.else_body)
        }
        Stmt::WithBlock(block) => no(block.span(), "`with`"),
        Stmt::Set(set) => no(set.span(), "`set`"),
        Stmt::SetBlock(set) => no(set.span(), "`set`"),
        Stmt::AutoEscape(block) => no(block.span(), "`autoescape`"),
        Stmt::FilterBlock(block) => no(block.span(), "a `filter` block"),
        Stmt::Do(call) => no(call.span(), "`do`"),
    }
}

fn expression(expr: &Expr<'_>) -> Result<(), TemplateError> {
    use minijinja::machinery::ast::BinOpKind::{Eq, Gt, Gte, In, Lt, Lte, Ne, ScAnd, ScOr};
    match expr {
        Expr::Var(_) | Expr::Const(_) => Ok(()),
        Expr::UnaryOp(unary) => expression(&unary.expr),
        Expr::BinOp(binary) => match binary.op {
            Eq | Ne | Lt | Lte | Gt | Gte | ScAnd | ScOr | In => {
                expression(&binary.left)?;
                expression(&binary.right)
            }
            _ => no(binary.span(), "arithmetic and joining of texts"),
        },
        Expr::Compare(compare) => {
            expression(&compare.expr)?;
            compare.ops.iter().try_for_each(|op| expression(&op.expr))
        }
        Expr::IfExpr(choice) => {
            expression(&choice.test_expr)?;
            expression(&choice.true_expr)?;
            choice.false_expr.as_ref().map_or(Ok(()), expression)
        }
        Expr::Filter(filter) => {
            if !FILTERS.contains(&filter.name) {
                return no(filter.span(), &format!("the filter `{}`", filter.name));
            }
            filter.expr.as_ref().map_or(Ok(()), expression)?;
            for argument in &filter.args {
                match argument {
                    minijinja::machinery::ast::CallArg::Pos(value) => expression(value)?,
                    _ => return no(filter.span(), "an argument with a name"),
                }
            }
            Ok(())
        }
        Expr::GetAttr(get) => expression(&get.expr),
        Expr::GetItem(get) => {
            expression(&get.expr)?;
            expression(&get.subscript_expr)
        }
        Expr::Tuple(tuple) => no(tuple.span(), "a list"),
        Expr::List(list) => no(list.span(), "a list"),
        Expr::Map(map) => no(map.span(), "an object"),
        Expr::Call(call) => no(call.span(), "a call"),
        Expr::Test(test) => no(test.span(), "`is`"),
        Expr::Slice(slice) => no(slice.span(), "a part of a list"),
    }
}
