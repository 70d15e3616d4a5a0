//! What does a receiver get? A CloudEvent 1.0 in structured mode. The same bytes each time, however often it is sent.

use serde_json::json;

use crate::machine::outbox::Notification;

/// The header `content-type`.
pub(super) const CONTENT_TYPE: &str = "application/cloudevents+json; charset=utf-8";

/// The body that tells of `of`, from the cluster of this name.
pub(super) fn body(cluster: &str, of: &Notification) -> Vec<u8> {
    let mut data = json!({ "actor": of.actor, "text": of.text, "logIndex": of.index });
    if let (Some(data), Some(about)) = (data.as_object_mut(), &of.about) {
        let more = [
            ("incident", format!("incidents/{}", about.incident)),
            ("patchSet", format!("patchSets/{}", about.version)),
            ("rollout", format!("rollouts/{}", about.rollout)),
            ("scope", about.scope.clone()),
        ];
        data.extend(more.map(|(key, value)| (key.to_owned(), value.into())));
    }
    let event = json!({
        "specversion": "1.0",
        "id": of.event,
        "source": format!("/tidegate/clusters/{cluster}"),
        "type": of.what.event_type(),
        "subject": of.subject(),
        "time": of.at.to_string(),
        "datacontenttype": "application/json",
        "data": data,
    });
    event.to_string().into_bytes()
}

#[cfg(test)]
mod tests {
    use expect_test::expect;
    use tidegate_policies::time::WallTime;

    use super::*;
    use crate::machine::outbox::About;
    use crate::machine::webhooks::Happening;

    fn notification() -> Notification {
        Notification {
            number: 7,
            event: "00ff-7".to_owned(),
            webhook: "pager".parse().unwrap(),
            what: Happening::Opened,
            about: Some(About {
                incident: 3,
                version: "113.1".parse().unwrap(),
                rollout: "113.1".parse().unwrap(),
                scope: "kernel=6.8".to_owned(),
            }),
            actor: "judge".to_owned(),
            text: "crashed: 3 of 3".to_owned(),
            index: 91,
            at: WallTime(1_777_000_000_123),
            again: 0,
            since: WallTime(1_777_000_000_123),
        }
    }

    fn shown(of: &Notification) -> String {
        let value: serde_json::Value = serde_json::from_slice(&body("lab", of)).unwrap();
        serde_json::to_string_pretty(&value).unwrap()
    }

    #[test]
    fn an_incident_is_told_as_a_cloud_event_with_all_that_a_pager_asks_for() {
        expect![[r#"
            {
              "data": {
                "actor": "judge",
                "incident": "incidents/3",
                "logIndex": 91,
                "patchSet": "patchSets/113.1",
                "rollout": "rollouts/113.1",
                "scope": "kernel=6.8",
                "text": "crashed: 3 of 3"
              },
              "datacontenttype": "application/json",
              "id": "00ff-7",
              "source": "/tidegate/clusters/lab",
              "specversion": "1.0",
              "subject": "incidents/3",
              "time": "2026-04-24T03:06:40Z",
              "type": "io.tidegate.incident.opened.v1"
            }"#]]
        .assert_eq(&shown(&notification()));
    }

    #[test]
    fn a_test_is_about_no_incident() {
        let test = Notification { what: Happening::Tested, about: None, ..notification() };
        expect![[r#"
            {
              "data": {
                "actor": "judge",
                "logIndex": 91,
                "text": "crashed: 3 of 3"
              },
              "datacontenttype": "application/json",
              "id": "00ff-7",
              "source": "/tidegate/clusters/lab",
              "specversion": "1.0",
              "subject": "webhooks/pager",
              "time": "2026-04-24T03:06:40Z",
              "type": "io.tidegate.webhook.tested.v1"
            }"#]]
        .assert_eq(&shown(&test));
    }
}
