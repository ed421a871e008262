use proptest::prelude::*;

use super::*;

fn text(template: &str) -> Result<String, TemplateError> {
    render(template, &example(Kind::Resolved), Dialect::Plain)
}

#[test]
fn fields_conditions_and_loops_work() {
    assert_eq!(
        text(
            "{{ severity|upper }}: {{ rule }} on {{ server }}{% if device %} {{ device }}{% endif %}, {{ lasted }}"
        ),
        Ok("CRITICAL: Disk almost full on web-01 /var, 1 h 5 min".to_owned())
    );
    assert_eq!(
        text(
            "{% for v in values %}{{ v.series }}={{ v.number|round(0) }}/{{ v.number }}{% if not loop.last %}, {% endif %}{% endfor %}"
        ),
        Ok("fs:/var:share=96/96.3".to_owned())
    );
    assert_eq!(
        text("{{ 'over' if kind == 'resolved' else 'new' }} {{ note|default('-') }}"),
        Ok("over Delete what is older than a week in /var/backups.".to_owned())
    );
    assert_eq!(
        text("{{ values[0].series }}"),
        Ok("fs:/var:share".to_owned())
    );
}

#[test]
fn what_comes_from_the_message_is_escaped_and_what_the_author_wrote_is_not() {
    let mut message = example(Kind::Raised);
    message.server = "<b>&_x_".to_owned();
    let told = |dialect| render("<i>*{{ server }}*</i>", &message, dialect).unwrap();
    assert_eq!(told(Dialect::Plain), "<i>*<b>&_x_*</i>");
    assert_eq!(told(Dialect::Html), "<i>*&lt;b&gt;&amp;_x_*</i>");
    assert_eq!(told(Dialect::Slack), "<i>*&lt;b&gt;&amp;_x_*</i>");
    assert_eq!(told(Dialect::Discord), "<i>*\\<b\\>&\\_x\\_*</i>");
}

#[test]
fn mistakes_are_told_with_their_line() {
    for (template, line, part) in [
        ("a\n{{ sever }}", Some(2), "no such field"),
        ("{{ server", Some(1), "expected"),
        ("{% if server %}", Some(1), "end"),
        ("\n\n{{ values }}", Some(3), "go through it"),
        ("{{ server|shout }}", Some(1), "the filter `shout`"),
        ("{{ server|round }}", Some(1), "rounded"),
        ("{% include 'x' %}", Some(1), "unknown statement"),
    ] {
        let error = text(template).unwrap_err();
        assert_eq!(error.line, line, "{template}: {error}");
        assert!(error.to_string().contains(part), "{template}: {error}");
        assert_eq!(validate(template), Err(error));
    }
    assert_eq!(
        validate("{% if kind == 'resolved' %}{{ nothing }}{% endif %}")
            .unwrap_err()
            .problem,
        "there is no such field",
        "every kind is tried"
    );
}

#[test]
fn nothing_grows_and_everything_ends() {
    let doubling = "{% set a = a ~ a %}".repeat(100);
    for template in [
        doubling,
        "{{ 'x' * 1000000000 }}".to_owned(),
        "{{ 'x' ~ 'x' }}".to_owned(),
        "{{ 'x' + 'x' }}".to_owned(),
        "{% for a in ['x', 'x'] %}{% endfor %}".to_owned(),
        "{% for a in ('x', 'x') %}{% endfor %}".to_owned(),
        "{% for a in range(100000) %}{% endfor %}".to_owned(),
        "{% with a = 'x' %}{% endwith %}".to_owned(),
        "{% set a %}x{% endset %}".to_owned(),
        "{% filter upper %}x{% endfilter %}".to_owned(),
        "{% for a in grouped recursive %}{{ loop(grouped) }}{% endfor %}".to_owned(),
        "{{ {'a': 1} }}".to_owned(),
        "{{ server[1:] }}".to_owned(),
        "{{ server.upper() }}".to_owned(),
        "{{ 10 ** 10 ** 10 }}".to_owned(),
        format!("{{{{ {}1{} }}}}", "(".repeat(4000), ")".repeat(4000)),
        "x".repeat(MAX_TEMPLATE + 1),
    ] {
        assert!(text(&template).is_err(), "{template}");
    }
    // Deep: none of these may take the stack with it.
    for template in [
        "{% for a in values %}".repeat(240) + &"{% endfor %}".repeat(240),
        "{% if 1 %}".repeat(350) + &"{% endif %}".repeat(350),
        format!("{{% if 0 %}}{}{{% endif %}}", "{% elif 0 %}".repeat(600)),
        format!("{{{{ '' {} }}}}", "|upper".repeat(1000)),
        format!("{{{{ {} 0 == 1 }}}}", "not ".repeat(2000)),
        format!("{{{{ values{} }}}}", ".a".repeat(2000)),
        format!("{{{{ values{} }}}}", "[0]".repeat(2000)),
        format!("{{{{ {} }}}}", "1 if ".repeat(1000)),
    ] {
        assert!(template.len() <= MAX_TEMPLATE);
        assert!(text(&template).unwrap_err().problem.contains("more than"));
    }
    // As deep as allowed.
    for template in [
        "{% for a in values %}".repeat(100) + &"{% endfor %}".repeat(100),
        "{% if 1 %}".repeat(100) + &"{% endif %}".repeat(100),
        format!("{{% if 0 %}}{}{{% endif %}}", "{% elif 0 %}".repeat(198)),
        format!("{{{{ '' {} }}}}", "|upper".repeat(28)),
        format!("{{{{ {} 0 == 1 }}}}", "not ".repeat(55)),
    ] {
        let told = text(&template);
        assert!(
            told.as_ref().map_or(true, |text| text.len() < 10),
            "{told:?}"
        );
        let problem = told.err().map(|error| error.problem).unwrap_or_default();
        assert!(!problem.contains("more than"), "{template}: {problem}");
    }
    let several = Kinds::all().last().unwrap();
    let render = |template: &str| render(template, &several, Dialect::Plain).unwrap_err();
    assert_eq!(
        render(&format!(
            "{{% for a in grouped %}}{}{{% endfor %}}",
            "x".repeat(4000)
        ))
        .problem,
        "it writes more than 16384 bytes"
    );
    let deep = "{% for a in grouped %}".repeat(6) + &"{% endfor %}".repeat(6);
    assert_eq!(render(&deep).problem, "it takes too many steps");
}

#[test]
fn a_failing_template_gives_way_to_the_usual_words() {
    let message = Message {
        device: None,
        ..example(Kind::Raised)
    };
    let templates = Templates {
        title: Some("{{ device.name }}".to_owned()),
        text: Some("mine".to_owned()),
    };
    let (words, error) = words(&message, &templates, Dialect::Html, 100);
    assert_eq!(words.title, "Critical: Disk almost full on web-01");
    assert_eq!(words.text, "mine");
    assert!(error.is_some());
}

#[test]
fn what_a_channel_cannot_show_is_cut_but_never_within_markup() {
    let message = Message {
        note: "&".repeat(500),
        ..example(Kind::Raised)
    };
    let templates = |text: &str| Templates {
        title: None,
        text: Some(text.to_owned()),
    };
    let (usual, _) = words(&message, &Templates::default(), Dialect::Html, 200);
    assert!(usual.text.ends_with("&amp;…"), "{}", usual.text);
    let (plain, error) = words(&message, &templates("{{ note }}"), Dialect::Plain, 10);
    assert_eq!((plain.text.as_str(), error), ("&&&&&&&&&…", None));
    let (marked, error) = words(
        &message,
        &templates("<b>{{ note }}</b>"),
        Dialect::Html,
        200,
    );
    assert_eq!(marked, usual);
    assert!(error.unwrap().problem.contains("400 characters"));
}

#[test]
fn a_title_is_one_line() {
    let templates = Templates {
        title: Some("{{ rule }}\r\nBcc: everybody@example.org".to_owned()),
        text: None,
    };
    let words = preview(&templates, &Target::Teams {}).unwrap();
    assert_eq!(words.title, "Disk almost full Bcc: everybody@example.org");
    assert!(words.text.starts_with("fs:*:share > 95"));
}

proptest! {
    /// Whatever somebody types: it is refused with a reason, or written within bounds.
    #[test]
    fn no_template_ends_the_process(
        pieces in prop::collection::vec(
            prop::sample::select(vec![
                "{{", "}}", "{%", "%}", "{#", "#}", "{%-", " if ", " elif ", " else ", " endif ", " for ", " in ", " endfor ",
                " set ", " with ", " raw ", " endraw ", " server ", " values ", " grouped ", " loop ", ".", "[", "]", "(", ")",
                "|", "upper", "round", "default", "'", "\"", "0", "9999999999999999999999", "-", "not ", " and ", " or ", "==",
                "<", "~", "*", "**", "\n", "ä", "\0", "=", ",", ":",
            ]),
            0..60,
        )
    ) {
        let template = pieces.concat();
        for dialect in [Dialect::Plain, Dialect::Html, Dialect::Slack, Dialect::Discord] {
            if let Ok(text) = render(&template, &example(Kind::Raised), dialect) {
                prop_assert!(text.len() <= MAX_OUTPUT);
            }
        }
    }
}
