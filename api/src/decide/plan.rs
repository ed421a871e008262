//! What is to be done on hosts: from what somebody filled in to a plan and the values that stay out of events.

use std::collections::BTreeMap;

use chatops_schemas::{
    event::{
        Invalid,
        command::Asked,
        job::{MAX_NAME, MAX_VALID_MS, Plan, ScriptVersion},
        script::{Kind, ScriptSaved},
    },
    order::{Program, operation::MAX_OUTPUT_BYTES},
};

use super::text::Check;
use crate::{jobs::values::Values, problem::Problem};

/// Milliseconds that a command may run, unless somebody says otherwise.
pub const TIMEOUT_MS: u64 = 60_000;
/// Milliseconds that a host is waited for, unless somebody says otherwise.
pub const VALID_MS: u64 = 60_000;
/// Bytes of output that are kept of a host, unless somebody says otherwise.
pub const OUTPUT_BYTES: u64 = 1 << 20;
/// Most hosts at the same time.
pub const MAX_CONCURRENCY: u32 = 500;

/// What to run, as filled in. One of `command`, `argv` and `script`.
#[derive(Default, Clone)]
pub struct Command {
    /// A line for the shell.
    pub command: Option<String>,
    /// A program and its arguments.
    pub argv: Option<Vec<String>>,
    /// The script, as saved.
    pub script: Option<ScriptSaved>,
    /// Values of the script's parameters.
    pub values: BTreeMap<String, String>,
    /// Folder.
    pub cwd: Option<String>,
    /// Variables.
    pub env: BTreeMap<String, String>,
    /// What it reads.
    pub stdin: Option<String>,
    /// Milliseconds it may run.
    pub timeout_ms: Option<u64>,
    /// Bytes of output kept.
    pub output_limit: Option<u64>,
    /// Milliseconds that a host is waited for.
    pub valid_ms: Option<u64>,
    /// Hosts at the same time.
    pub concurrency: Option<u32>,
    /// Hosts that go first.
    pub canary: Option<u32>,
    /// Failures that stop it.
    pub stop_after: Option<u32>,
}

/// The plan, and what stays out of it.
pub fn decide(given: &Command) -> Result<(Plan, Values), Problem> {
    let mut check = Check::default();
    let program = match (&given.command, &given.argv, &given.script) {
        (Some(line), None, None) => Program::Shell(line.clone()),
        (None, Some(argv), None) => Program::Argv(argv.clone()),
        (None, None, Some(script)) => script.program.clone(),
        _ => {
            return Err(Problem::field(
                "run",
                "needs exactly one of command, argv and script",
            ));
        }
    };
    let mut env = given.env.clone();
    match &given.script {
        Some(script) => parameters(&mut check, script, &given.values, &mut env),
        None if !given.values.is_empty() => {
            check.refuse("run.values", "only a script has parameters");
        }
        None => {}
    }
    let concurrency = concurrency(&mut check, given.concurrency);
    let valid_ms = valid_ms(&mut check, given.valid_ms);
    let output_limit = given.output_limit.unwrap_or(OUTPUT_BYTES);
    if output_limit > MAX_OUTPUT_BYTES {
        check.refuse(
            "run.output_limit",
            format!("must be at most {MAX_OUTPUT_BYTES} bytes"),
        );
    }
    let script = given.script.as_ref();
    let values = Values {
        env,
        stdin: given.stdin.clone(),
    };
    let plan = Plan {
        asked: Asked::Run {
            program,
            cwd: given
                .cwd
                .clone()
                .or_else(|| script.and_then(|script| script.cwd.clone())),
            env: values.env.keys().cloned().collect(),
            stdin_bytes: values.stdin.as_ref().map_or(0, |text| text.len() as u64),
            output_limit,
        },
        timeout_ms: given
            .timeout_ms
            .or_else(|| script.map(|script| script.timeout_ms))
            .unwrap_or(TIMEOUT_MS),
        valid_ms,
        concurrency,
        canary: given.canary.unwrap_or(0),
        stop_after: given.stop_after.unwrap_or(0),
        script: script.map(|script| ScriptVersion {
            script: script.script,
            version: script.version,
        }),
        sealed: !values.is_empty(),
    };
    if let Err(Invalid { field, reason }) = values.operation(&plan).validate() {
        check.refuse(format!("run.{field}"), reason);
    }
    check.done((plan, values))
}

/// What was decided before, to be done in another way: `given` counts for how carefully it goes, and for nothing else.
pub fn again(before: &Plan, given: &Command) -> Result<Plan, Problem> {
    let mut check = Check::default();
    let plan = Plan {
        concurrency: concurrency(&mut check, given.concurrency),
        valid_ms: valid_ms(&mut check, given.valid_ms),
        canary: given.canary.unwrap_or(0),
        stop_after: given.stop_after.unwrap_or(0),
        ..before.clone()
    };
    check.done(plan)
}

fn concurrency(check: &mut Check, given: Option<u32>) -> u32 {
    let hosts = given.unwrap_or(10);
    if !(1..=MAX_CONCURRENCY).contains(&hosts) {
        check.refuse("concurrency", "must be between 1 and 500");
    }
    hosts
}

fn valid_ms(check: &mut Check, given: Option<u64>) -> u64 {
    let valid_ms = given.unwrap_or(VALID_MS);
    if !(1000..=MAX_VALID_MS).contains(&valid_ms) {
        check.refuse("wait_s", "must be between 1 s and a day");
    }
    valid_ms
}

/// A job's name, if it is one.
pub fn name(name: Option<&str>) -> Result<Option<String>, Problem> {
    let mut check = Check::default();
    let name = check.optional("name", name, MAX_NAME);
    check.done(name)
}

/// Fills in a script's parameters: each becomes a variable, and nothing else.
fn parameters(
    check: &mut Check,
    script: &ScriptSaved,
    given: &BTreeMap<String, String>,
    env: &mut BTreeMap<String, String>,
) {
    for name in given.keys() {
        if !script.parameters.iter().any(|known| known.name == *name) {
            check.refuse(
                format!("run.values.{name}"),
                "is no parameter of the script",
            );
        }
    }
    for parameter in &script.parameters {
        let field = || format!("run.values.{}", parameter.name);
        match given.get(&parameter.name).or(parameter.default.as_ref()) {
            Some(value) => {
                if let Err(why) = parameter.accepts(value) {
                    check.refuse(field(), why);
                } else if parameter.required && value.is_empty() {
                    check.refuse(field(), "must not be empty");
                }
                env.insert(parameter.name.clone(), value.clone());
            }
            None if parameter.required => check.refuse(field(), "must be given"),
            None if parameter.kind == Kind::Flag => {
                env.insert(parameter.name.clone(), "false".to_owned());
            }
            None => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use chatops_schemas::{event::script::Parameter, ids::ScriptId};
    use uuid::Uuid;

    use super::*;
    use crate::code::Code;

    fn script() -> ScriptSaved {
        let parameter = |name: &str, kind, required| Parameter {
            name: name.into(),
            description: None,
            kind,
            default: None,
            required,
        };
        ScriptSaved {
            script: ScriptId(Uuid::from_u128(1)),
            version: 3,
            name: "deploy".into(),
            description: None,
            program: Program::Shell("deploy \"$RELEASE\"".into()),
            cwd: Some("/srv".into()),
            parameters: vec![
                parameter("RELEASE", Kind::Text, true),
                parameter("DRY", Kind::Flag, false),
                parameter("TOKEN", Kind::Secret, false),
            ],
            timeout_ms: 5_000,
            needs_approval: false,
        }
    }

    fn with(values: &[(&str, &str)]) -> Command {
        Command {
            script: Some(script()),
            values: values
                .iter()
                .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()))
                .collect(),
            ..Command::default()
        }
    }

    #[test]
    fn a_value_is_a_variable_and_never_a_part_of_the_line() {
        let evil = "1; reboot $(id) `x`";
        let (plan, values) = decide(&with(&[("RELEASE", evil), ("TOKEN", "s3cret")])).unwrap();
        let Asked::Run { program, env, .. } = &plan.asked else {
            panic!("a script is run")
        };
        assert_eq!(*program, script().program);
        assert_eq!(env, &["DRY", "RELEASE", "TOKEN"]);
        assert_eq!(values.env["RELEASE"], evil);
        assert!(plan.sealed && !format!("{plan:?}").contains("s3cret"));
        assert_eq!((plan.timeout_ms, plan.script.unwrap().version), (5_000, 3));
    }

    #[test]
    fn what_is_missing_wrong_or_unknown_is_named() {
        let refused = |command: &Command| decide(command).map(drop).map_err(|p| p.code());
        assert_eq!(refused(&with(&[])), Err(Code::InvalidField));
        assert_eq!(
            refused(&with(&[("RELEASE", "a\nb")])),
            Err(Code::InvalidField)
        );
        let unknown = with(&[("RELEASE", "1"), ("PATH", "/evil")]);
        assert_eq!(refused(&unknown), Err(Code::InvalidField));
        assert_eq!(refused(&with(&[("RELEASE", "1")])), Ok(()));
    }

    #[test]
    fn one_thing_is_run() {
        let both = Command {
            command: Some("true".into()),
            argv: Some(vec!["true".into()]),
            ..Command::default()
        };
        for command in [Command::default(), both] {
            assert!(decide(&command).is_err());
        }
        let line = Command {
            command: Some("true".into()),
            ..Command::default()
        };
        let (plan, values) = decide(&line).unwrap();
        assert!(!plan.sealed && values.is_empty());
        let idle = Command {
            concurrency: Some(0),
            ..line
        };
        assert!(decide(&idle).is_err());
    }
}
