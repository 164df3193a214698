//! Types, arguments and values.

use apollo_parser::TokenKind;
use async_graphql::{
    Name, Number, Positioned, ServerError, Value as ConstValue,
    parser::types::{BaseType, Type},
};
use async_graphql_value::{Value, indexmap::IndexMap};

use super::{
    parser::{Parsed, Parser, unexpected},
    tokens::Token,
};

impl Parser<'_> {
    pub(super) fn type_reference(&mut self) -> Parsed<Positioned<Type>> {
        let first = self.tokens.peek()?;
        let base = if self.takes(TokenKind::LBracket)? {
            self.enter(first.pos)?;
            let inner = self.type_reference()?.node;
            self.expect(TokenKind::RBracket, "`]`")?;
            self.leave();
            BaseType::List(Box::new(inner))
        } else {
            BaseType::Named(self.name()?.node)
        };
        let nullable = !self.takes(TokenKind::Bang)?;
        Ok(Positioned::new(Type { base, nullable }, first.pos))
    }

    pub(super) fn arguments(&mut self, is_const: bool) -> Parsed<Vec<(Positioned<Name>, Positioned<Value>)>> {
        let mut arguments = Vec::new();
        if !self.takes(TokenKind::LParen)? {
            return Ok(arguments);
        }
        loop {
            let name = self.name()?;
            self.expect(TokenKind::Colon, "`:`")?;
            arguments.push((name, self.value(is_const)?));
            if self.takes(TokenKind::RParen)? {
                return Ok(arguments);
            }
        }
    }

    pub(super) fn const_value(&mut self) -> Parsed<Positioned<ConstValue>> {
        let Positioned { pos, node } = self.value(true)?;
        let known = node.into_const();
        let known = known.ok_or_else(|| ServerError::new("Syntax error: a variable has no place here.", Some(pos)))?;
        Ok(Positioned::new(known, pos))
    }

    fn value(&mut self, is_const: bool) -> Parsed<Positioned<Value>> {
        let token = self.tokens.next()?;
        let value = match token.kind {
            TokenKind::Dollar if !is_const => Value::Variable(self.name()?.node),
            TokenKind::Int | TokenKind::Float => Value::Number(number(token)?),
            TokenKind::StringValue => Value::String(string(token)?),
            TokenKind::Name => match token.text {
                "null" => Value::Null,
                "true" => Value::Boolean(true),
                "false" => Value::Boolean(false),
                name => Value::Enum(Name::new(name)),
            },
            TokenKind::LBracket => self.list(token, is_const)?,
            TokenKind::LCurly => self.object(token, is_const)?,
            _ => return Err(unexpected("a value", token)),
        };
        Ok(Positioned::new(value, token.pos))
    }

    fn list(&mut self, first: Token<'_>, is_const: bool) -> Parsed<Value> {
        self.enter(first.pos)?;
        let mut items = Vec::new();
        while !self.takes(TokenKind::RBracket)? {
            items.push(self.value(is_const)?.node);
        }
        self.leave();
        Ok(Value::List(items))
    }

    fn object(&mut self, first: Token<'_>, is_const: bool) -> Parsed<Value> {
        self.enter(first.pos)?;
        let mut fields = IndexMap::new();
        while !self.takes(TokenKind::RCurly)? {
            let name = self.name()?;
            self.expect(TokenKind::Colon, "`:`")?;
            if fields.insert(name.node.clone(), self.value(is_const)?.node).is_some() {
                let message = format!("Syntax error: there are two fields named `{}`.", name.node);
                return Err(ServerError::new(message, Some(name.pos)));
            }
        }
        self.leave();
        Ok(Value::Object(fields))
    }
}

/// GraphQL's numbers are written like JSON's.
fn number(token: Token<'_>) -> Parsed<Number> {
    serde_json::from_str(token.text).map_err(|_| unexpected("a number", token))
}

fn string(token: Token<'_>) -> Parsed<String> {
    let block = token.text.strip_prefix("\"\"\"").and_then(|text| text.strip_suffix("\"\"\""));
    if let Some(block) = block {
        return Ok(block_string(&block.replace("\\\"\"\"", "\"\"\"")));
    }
    // Escapes are JSON's, which alone wants tabs to be escaped as well.
    let escaped = token.text.replace('\t', "\\t");
    serde_json::from_str(&escaped).map_err(|_| unexpected("a string", token))
}

/// Takes the common indentation away, and the blank lines at both ends:
/// <https://spec.graphql.org/October2021/#BlockStringValue()>
fn block_string(raw: &str) -> String {
    let raw = raw.replace("\r\n", "\n").replace('\r', "\n");
    let lines: Vec<&str> = raw.split('\n').collect();
    let indentation = |line: &str| line.len() - line.trim_start_matches([' ', '\t']).len();
    let is_blank = |line: &&str| indentation(line) == line.len();
    let common = lines.iter().skip(1).filter(|line| !is_blank(line)).map(|line| indentation(line)).min().unwrap_or(0);
    let dedented = lines.iter().enumerate();
    let dedented: Vec<&str> =
        dedented.map(|(at, line)| if at == 0 { line } else { line.get(common..).unwrap_or_default() }).collect();
    let first = dedented.iter().position(|line| !is_blank(line)).unwrap_or(dedented.len());
    let last = dedented.iter().rposition(|line| !is_blank(line)).map_or(first, |last| last + 1);
    dedented[first..last].join("\n")
}

#[cfg(test)]
mod tests {
    use async_graphql::parser::types::Selection;
    use async_graphql_value::Value;

    use super::{
        super::{TextLimits, read},
        block_string,
    };

    #[test]
    fn strings_mean_what_the_specification_says() {
        let limits = TextLimits { bytes: 1000, tokens: 100, nesting: 10 };
        for (written, meant) in [
            (r#""""#, ""),
            (r#""a\\\"\/\b\n\u00e9\ud83d\ude00""#, "a\\\"/\u{8}\n\u{e9}\u{1f600}"),
            ("\"\t\"", "\t"),
            (r#""""say \""" and \n""""#, r#"say """ and \n"#),
        ] {
            let document = read(&format!("{{a(b:{written})}}"), limits).expect("a document");
            let (_, operation) = document.operations.iter().next().expect("an operation");
            let Selection::Field(field) = &operation.node.selection_set.node.items[0].node else { panic!("a field") };
            assert_eq!(field.node.arguments[0].1.node, Value::String(meant.to_owned()), "{written}");
        }
        for written in ["\"\n\"", "\"a\nb\"", r#""\ud83d""#, r#""\x""#, "\"", "\"\"\"a\"\"", "1e999", "01", "1a", "- 1"]
        {
            assert!(read(&format!("{{a(b:{written})}}"), limits).is_err(), "{written}");
        }
    }

    #[test]
    fn block_strings_lose_their_indentation_and_their_blank_ends() {
        let letter = "\n    Hello,\n      World!\n\n    Yours,\n      GraphQL.\n  ";
        assert_eq!(block_string(letter), "Hello,\n  World!\n\nYours,\n  GraphQL.");
        assert_eq!(block_string("  one line "), "  one line ");
        assert_eq!((block_string(""), block_string("\n \r\n\t")), (String::new(), String::new()));
    }
}
