//! Asking that a command of a job ends.

use chatops_bus::{AppendError, StreamName};
use chatops_schemas::{
    catalogue::Payload,
    codec,
    event::command::CommandCancelRequested,
    ids::{CommandId, ServerId},
    order::{Cancel, Operation},
    subject,
};

use crate::{
    code::Code,
    problem::Problem,
    state::Api,
    written::{self, By},
};

/// Times that it is tried against others who write to the same command.
const ATTEMPTS: usize = 10;
/// How long the host may be told, in milliseconds: for as long as what it ends may run.
const VALID_MS: i64 = 2 * 24 * 3_600_000;

/// Writes down that a command is to end, unless it has ended or somebody said so before. The dispatcher tells the host.
pub(super) async fn command(
    api: &Api,
    by: &By,
    server: &ServerId,
    command: CommandId,
) -> Result<(), Problem> {
    let subject = subject::command(server, command);
    for _ in 0..ATTEMPTS {
        let last = api.bus().last(StreamName::Cmd, &subject).await;
        let Some(last) = last.map_err(|error| written::unread(&error))? else {
            return Ok(());
        };
        let said = codec::decode_any(&last.payload).map(|event| event.data);
        if matches!(
            said,
            Ok(Payload::CommandEnded(_) | Payload::CommandCancelRequested(_))
        ) {
            return Ok(());
        }
        let order = api.orders().sign(
            by,
            server,
            api.orders().fresh(),
            api.clock().now().plus_millis(VALID_MS),
            Operation::Cancel(Cancel { command }),
        )?;
        let data = CommandCancelRequested {
            command,
            order: Some(order.to_vec()),
        };
        let event = written::event_about(api, by, server, data);
        match api
            .bus()
            .append(StreamName::Cmd, &subject, last.seq, &event)
            .await
        {
            Ok(_) => return Ok(()),
            Err(AppendError::Conflict { .. }) => {}
            Err(error) => return Err(written::refused(&error)),
        }
    }
    Err(Problem::new(Code::Conflict))
}
