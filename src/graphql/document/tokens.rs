//! A document's tokens, one ahead, each with its place in lines and columns.

use apollo_parser::{Lexer, TokenKind};
use async_graphql::{Pos, ServerError};

use super::TextLimits;

/// Unknown names are compared with all that are known, to suggest one of them.
const MAX_NAME: usize = 100;

/// A name, a punctuator or a value.
#[derive(Debug, Clone, Copy)]
pub(super) struct Token<'a> {
    pub kind: TokenKind,
    pub text: &'a str,
    pub pos: Pos,
}

pub(super) struct Tokens<'a> {
    text: &'a str,
    lexer: Lexer<'a>,
    next: Option<Token<'a>>,
    read: usize,
    most: usize,
    /// Where the place below is, in bytes.
    at: usize,
    pos: Pos,
}

impl<'a> Tokens<'a> {
    pub(super) fn of(text: &'a str, limits: TextLimits) -> Self {
        let pos = Pos { line: 1, column: 1 };
        Self { text, lexer: Lexer::new(text), next: None, read: 0, most: limits.tokens, at: 0, pos }
    }

    /// The next token, left where it is. At the end of the text it is `Eof`.
    pub(super) fn peek(&mut self) -> Result<Token<'a>, ServerError> {
        if let Some(next) = self.next {
            return Ok(next);
        }
        let next = self.lex()?;
        self.next = Some(next);
        Ok(next)
    }

    /// Takes the next token.
    pub(super) fn next(&mut self) -> Result<Token<'a>, ServerError> {
        let next = self.peek()?;
        self.next = None;
        Ok(next)
    }

    fn lex(&mut self) -> Result<Token<'a>, ServerError> {
        loop {
            let end = || ServerError::new("Syntax error: the document ends too early.", None);
            match self.lexer.next().ok_or_else(end)? {
                Ok(token) => match token.kind() {
                    TokenKind::Whitespace | TokenKind::Comment | TokenKind::Comma => {}
                    kind => {
                        let pos = self.pos_of(token.index());
                        self.read += 1;
                        if self.read > self.most {
                            let message = format!("The document has more than {} tokens.", self.most);
                            return Err(ServerError::new(message, Some(pos)));
                        }
                        if kind == TokenKind::Name && token.data().len() > MAX_NAME {
                            let message = format!("Syntax error: a name has at most {MAX_NAME} characters.");
                            return Err(ServerError::new(message, Some(pos)));
                        }
                        return Ok(Token { kind, text: token.data(), pos });
                    }
                },
                Err(error) => {
                    let pos = self.pos_of(error.index().min(self.text.len()));
                    return Err(ServerError::new(format!("Syntax error: {}.", error.message()), Some(pos)));
                }
            }
        }
    }

    /// Every byte of the text is looked at once, since tokens come in order.
    fn pos_of(&mut self, index: usize) -> Pos {
        let passed = self.text.get(self.at..index).unwrap_or_default();
        let mut previous = self.text[..self.at].chars().next_back();
        for c in passed.chars() {
            match c {
                '\n' if previous == Some('\r') => {}
                '\n' | '\r' => self.pos = Pos { line: self.pos.line + 1, column: 1 },
                _ => self.pos.column += 1,
            }
            previous = Some(c);
        }
        self.at = self.at.max(index);
        self.pos
    }
}
