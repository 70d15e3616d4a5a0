//! How is a tree of data written as YAML? In blocks, its scalars as JSON writes them, which is
//! YAML too.

use serde_json::Value;

/// The document of `value`, with a newline at its end.
pub(super) fn document(value: &Value) -> String {
    let mut text = String::new();
    block(value, 0, &mut text);
    text
}

fn block(value: &Value, indent: usize, text: &mut String) {
    let margin = " ".repeat(indent);
    match value {
        Value::Object(fields) if !fields.is_empty() => {
            for (key, value) in fields {
                text.push_str(&format!("{margin}{key}:"));
                below(value, indent + 2, text);
            }
        }
        Value::Array(items) if !items.is_empty() => {
            for item in items {
                text.push_str(&format!("{margin}-"));
                below(item, indent + 2, text);
            }
        }
        Value::Object(_)
        | Value::Array(_)
        | Value::Null
        | Value::Bool(_)
        | Value::Number(_)
        | Value::String(_) => text.push_str(&format!("{margin}{value}\n")),
    }
}

/// Writes what stands behind a key or a dash: on the same line where it is a scalar.
fn below(value: &Value, indent: usize, text: &mut String) {
    match value {
        Value::Object(fields) if !fields.is_empty() => {
            text.push('\n');
            block(value, indent, text);
        }
        Value::Array(items) if !items.is_empty() => {
            text.push('\n');
            block(value, indent, text);
        }
        Value::Object(_)
        | Value::Array(_)
        | Value::Null
        | Value::Bool(_)
        | Value::Number(_)
        | Value::String(_) => text.push_str(&format!(" {value}\n")),
    }
}

#[cfg(test)]
mod tests {
    use expect_test::expect;
    use serde_json::json;

    use super::document;

    #[test]
    fn a_tree_is_written_in_blocks() {
        let tree = json!({"a": "x: y", "b": {"c": true, "d": []}, "e": [{"f": 1}, "g"]});
        expect![[r#"
            a: "x: y"
            b:
              c: true
              d: []
            e:
              -
                f: 1
              - "g"
        "#]]
        .assert_eq(&document(&tree));
    }
}
