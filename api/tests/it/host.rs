//! A host that answers on the bus as an agent does: it checks the signature with the key that it was given when it was
//! enrolled, and then does what the test says.

use chatops_bus::Bus;
use chatops_schemas::{
    codec::MAX_EVENT_BYTES,
    ids::ServerId,
    order::{Order, Reply, SignedOrder, Verb},
    subject,
};
use data_encoding::BASE64URL_NOPAD;
use ed25519_dalek::VerifyingKey;
use futures::StreamExt;
use serde_json::json;
use tokio::task::JoinHandle;

use crate::{app::App, browser::Client};

/// Ends with this value.
pub(crate) struct Host(JoinHandle<()>);

impl Drop for Host {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// The key that an agent of this server pins.
pub(crate) async fn pinned(app: &App, owner: &Client, server: &str) -> VerifyingKey {
    let path = format!("/api/v1/servers/{server}/enrolment");
    let (_, offer) = owner.post(&path, &json!({})).await;
    let body = json!({"code": offer["code"], "hostname": "h"});
    let (status, enrolled) = app.stranger().post("/api/v1/enroll", &body).await;
    assert_eq!(status, 201, "{enrolled}");
    let key = enrolled["signing_key"]["public_key"].as_str().unwrap();
    let key = BASE64URL_NOPAD.decode(key.as_bytes()).unwrap();
    VerifyingKey::from_bytes(&key.try_into().unwrap()).unwrap()
}

impl Host {
    /// Answers what comes on one verb. `None`: not a word.
    pub(crate) async fn answering(
        bus: &Bus,
        key: VerifyingKey,
        server: &str,
        verb: Verb,
        mut answer: impl FnMut(Order) -> Option<Reply> + Send + 'static,
    ) -> Self {
        let server = ServerId::parse(server).unwrap();
        let mut asked = bus.subscribe(&subject::rpc(&server, verb)).await.unwrap();
        bus.flush().await.unwrap();
        let bus = bus.clone();
        Self(tokio::spawn(async move {
            while let Some(message) = asked.next().await {
                assert!(message.payload.len() < MAX_EVENT_BYTES);
                let signed = SignedOrder::decode(&message.payload).unwrap();
                let order = signed.open(&key).unwrap();
                assert_eq!(order.server, server);
                assert_eq!(order.operation.verb(), verb);
                let Some(reply) = answer(order) else { continue };
                let reply = rmp_serde::to_vec_named(&reply).unwrap();
                let inbox = message.reply.unwrap();
                bus.publish_core(&inbox, None, &[], reply.into())
                    .await
                    .unwrap();
            }
        }))
    }
}
