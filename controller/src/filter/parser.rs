//! How is a filter read? From its tokens, by descent, as deep as is allowed.

use chrono::DateTime;

use super::compare::{Operand, Operator};
use super::error::BadFilter;
use super::expression::{Expression, Test};
use super::fields::{Field, Kind};
use super::lexer::{Token, TokenKind, tokens};
use super::{MAX_BYTES, MAX_DEPTH};

/// Reads a filter on rows with these fields; `None`: it is empty.
pub(super) fn parse<R>(text: &str, fields: &[Field<R>]) -> Result<Option<Expression>, BadFilter> {
    if text.len() > MAX_BYTES {
        let what = format!("it has {} bytes, and {MAX_BYTES} are the most", text.len());
        return Err(BadFilter::new(MAX_BYTES, what));
    }
    let tokens = tokens(text)?;
    if tokens.is_empty() {
        return Ok(None);
    }
    let mut parser = Parser { tokens: &tokens, next: 0, end: text.len(), fields };
    let expression = parser.expression(0)?;
    match parser.peek() {
        None => Ok(Some(expression)),
        Some(token) => {
            let at = token.at;
            Err(BadFilter::new(at, "expected AND, OR or the end: write e.g. `a=1 AND b=2`"))
        }
    }
}

struct Parser<'a, R> {
    tokens: &'a [Token],
    next: usize,
    end: usize,
    fields: &'a [Field<R>],
}

impl<'a, R> Parser<'a, R> {
    fn peek(&self) -> Option<&'a Token> {
        self.tokens.get(self.next)
    }

    fn take(&mut self) -> Option<&'a Token> {
        let token = self.peek();
        self.next += 1;
        token
    }

    /// Takes the next token if it is this word.
    fn takes(&mut self, wanted: &str) -> bool {
        let is_it = self.peek().is_some_and(|token| token.is(wanted));
        self.next += usize::from(is_it);
        is_it
    }

    fn expression(&mut self, depth: usize) -> Result<Expression, BadFilter> {
        let first = self.term(depth)?;
        let Some(joint) = ["AND", "OR"].into_iter().find(|word| self.peek_is(word)) else {
            return Ok(first);
        };
        let mut parts = vec![first];
        while self.takes(joint) {
            parts.push(self.term(depth)?);
        }
        if let Some(token) = self.peek().filter(|token| token.is("AND") || token.is("OR")) {
            let what =
                "AND and OR side by side may mean two things: put one of them in parentheses";
            return Err(BadFilter::new(token.at, what));
        }
        Ok(if joint == "AND" { Expression::All(parts) } else { Expression::Any(parts) })
    }

    fn peek_is(&self, wanted: &str) -> bool {
        self.peek().is_some_and(|token| token.is(wanted))
    }

    fn term(&mut self, depth: usize) -> Result<Expression, BadFilter> {
        let here = self.peek().map_or(self.end, |token| token.at);
        if depth > MAX_DEPTH {
            let what = format!("it is nested deeper than {MAX_DEPTH}");
            return Err(BadFilter::new(here, what));
        }
        if self.takes("NOT") {
            return Ok(Expression::Not(Box::new(self.term(depth + 1)?)));
        }
        if self.peek().is_some_and(|token| token.kind == TokenKind::Open) {
            self.next += 1;
            let inner = self.expression(depth + 1)?;
            return match self.take() {
                Some(Token { kind: TokenKind::Close, .. }) => Ok(inner),
                Some(token) => Err(BadFilter::new(token.at, "expected AND, OR or `)`")),
                None => Err(BadFilter::new(here, "this parenthesis is never closed")),
            };
        }
        self.test().map(Expression::Test)
    }

    fn test(&mut self) -> Result<Test, BadFilter> {
        let (at, name) = match self.take() {
            Some(Token { at, kind: TokenKind::Word(word) }) => (*at, word.as_str()),
            Some(token) => return Err(BadFilter::new(token.at, self.wants_field())),
            None => return Err(BadFilter::new(self.end, self.wants_field())),
        };
        let (field, label) = self.field(at, name)?;
        let sign = match self.take() {
            Some(Token { kind: TokenKind::Operator(sign), .. }) => *sign,
            token => {
                let at = token.map_or(self.end, |token| token.at);
                let what = format!("after `{name}` comes one of = != < <= > >= : and a value");
                return Err(BadFilter::new(at, what));
            }
        };
        let (at, text) = match self.take() {
            Some(Token { at, kind: TokenKind::Word(text) | TokenKind::Quoted(text) }) => {
                (*at, text.as_str())
            }
            token => {
                let at = token.map_or(self.end, |token| token.at);
                return Err(BadFilter::new(at, format!("after `{name}{sign}` comes a value")));
            }
        };
        let kind = match (self.fields[field].kind, &label) {
            (Kind::Labels, Some(_)) => Kind::Text,
            (kind, _) => kind,
        };
        let operand = operand(kind, sign, text).map_err(|what| BadFilter::new(at, what))?;
        Ok(Test { field, label, operator: Operator::of(sign), operand })
    }

    /// The place of the field called `name`, and the label in it that is meant.
    fn field(&self, at: usize, name: &str) -> Result<(usize, Option<String>), BadFilter> {
        let place = |wanted: &str| self.fields.iter().position(|field| field.name == wanted);
        if let Some(place) = place(name) {
            return Ok((place, None));
        }
        let label = name.split_once('.').and_then(|(map, key)| Some((place(map)?, key)));
        if let Some((place, key)) = label
            && self.fields[place].kind == Kind::Labels
            && !key.is_empty()
        {
            return Ok((place, Some(key.to_owned())));
        }
        Err(BadFilter::new(at, format!("there is no field `{name}`: {}", self.known())))
    }

    fn wants_field(&self) -> String {
        format!("expected a field: {}", self.known())
    }

    fn known(&self) -> String {
        let names: Vec<&str> = self.fields.iter().map(|field| field.name).collect();
        format!("there are {}", names.join(", "))
    }
}

impl Token {
    fn is(&self, wanted: &str) -> bool {
        matches!(&self.kind, TokenKind::Word(word) if word == wanted)
    }
}

/// What a field of `kind` is held against.
fn operand(kind: Kind, sign: &str, text: &str) -> Result<Operand, String> {
    let is_order = matches!(sign, "<" | "<=" | ">" | ">=");
    if sign == ":" && text == "*" {
        return Ok(Operand::Anything);
    }
    match kind {
        Kind::Text | Kind::Name(_) | Kind::Labels | Kind::Word(_) if is_order => {
            Err(format!("`{sign}` is for numbers and times; write =, != or :"))
        }
        Kind::Number => text
            .parse()
            .map(Operand::Number)
            .map_err(|_| format!("`{text}` is no whole number, and the field holds one")),
        Kind::Time => DateTime::parse_from_rfc3339(text)
            .map(|time| Operand::Number(time.timestamp_millis().into()))
            .map_err(|_| {
                format!("`{text}` is no time: write e.g. \"2026-11-03T09:10:00Z\", in quotes")
            }),
        Kind::Word(words) => {
            let known = words.iter().find(|word| word.eq_ignore_ascii_case(text));
            known
                .map(|word| Operand::Exactly((*word).to_owned()))
                .ok_or_else(|| format!("`{text}` is none of {}", words.join(", ")))
        }
        Kind::Name(collection) => Ok(of_text(sign, text.strip_prefix(collection).unwrap_or(text))),
        Kind::Text | Kind::Labels => Ok(of_text(sign, text)),
    }
}

fn of_text(sign: &str, text: &str) -> Operand {
    if sign == ":" { Operand::part(text) } else { Operand::Exactly(text.to_owned()) }
}
