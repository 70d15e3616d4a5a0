//! Which words and signs does a filter consist of?

use super::error::BadFilter;

/// A word or sign, and the byte at which it begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Token {
    pub(super) at: usize,
    pub(super) kind: TokenKind,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum TokenKind {
    Open,
    Close,
    /// `=`, `!=`, `<`, `<=`, `>`, `>=`, `:`.
    Operator(&'static str),
    /// A bare word: a field, a value, or `AND`, `OR`, `NOT`.
    Word(String),
    /// A text in quotes: always a value.
    Quoted(String),
}

const OPERATORS: [&str; 7] = ["!=", "<=", ">=", "=", "<", ">", ":"];

/// Takes a filter apart.
pub(super) fn tokens(text: &str) -> Result<Vec<Token>, BadFilter> {
    let mut tokens: Vec<Token> = Vec::new();
    let mut at = 0;
    while let Some(first) = text[at..].chars().next() {
        let rest = &text[at..];
        let is_value = matches!(tokens.last(), Some(Token { kind: TokenKind::Operator(_), .. }));
        let (kind, length) = if first.is_whitespace() {
            at += first.len_utf8();
            continue;
        } else if first == '(' {
            (TokenKind::Open, 1)
        } else if first == ')' {
            (TokenKind::Close, 1)
        } else if first == '"' || first == '\'' {
            quoted(rest, at)?
        } else if let Some(operator) = OPERATORS.into_iter().find(|of| rest.starts_with(of)) {
            (TokenKind::Operator(operator), operator.len())
        } else {
            word(rest, at, is_value)?
        };
        tokens.push(Token { at, kind });
        at += length;
    }
    Ok(tokens)
}

/// A text between quotes, with `\` before a quote or itself.
fn quoted(rest: &str, at: usize) -> Result<(TokenKind, usize), BadFilter> {
    let mut text = String::new();
    let mut chars = rest.char_indices();
    let quote = chars.next().map(|(_, quote)| quote);
    while let Some((place, next)) = chars.next() {
        match next {
            '\\' => match chars.next() {
                Some((_, escaped @ ('"' | '\'' | '\\'))) => text.push(escaped),
                Some(_) | None => {
                    let what = "after `\\` comes a quote or another `\\`";
                    return Err(BadFilter::new(at + place, what));
                }
            },
            next if Some(next) == quote => return Ok((TokenKind::Quoted(text), place + 1)),
            next => text.push(next),
        }
    }
    Err(BadFilter::new(at, "this quote is never closed"))
}

/// A bare word. A value goes on to the next space or parenthesis; a field ends at its operator, too.
fn word(rest: &str, at: usize, is_value: bool) -> Result<(TokenKind, usize), BadFilter> {
    let ends = |c: char| {
        let ends_field = !is_value && matches!(c, '=' | '!' | '<' | '>' | ':');
        ends_field || c.is_whitespace() || matches!(c, '(' | ')' | '"' | '\'')
    };
    let length = rest.find(ends).unwrap_or(rest.len());
    let word = &rest[..length];
    let fits = |c: char| c.is_ascii_alphanumeric() || "._-*/+:@%,".contains(c);
    match word.char_indices().find(|(_, c)| !fits(*c)) {
        None if length > 0 => Ok((TokenKind::Word(word.to_owned()), length)),
        None => Err(BadFilter::new(at, "nothing can begin with this sign")),
        Some((place, odd)) => {
            let odd: String = odd.escape_default().collect();
            let what = format!("`{odd}` is no part of a word: put a text in quotes");
            Err(BadFilter::new(at + place, what))
        }
    }
}
