//! Scalars that GraphQL does not bring.

use async_graphql::{Description, InputValueError, InputValueResult, Scalar, ScalarType, Value};

/// The largest number that JavaScript keeps exactly.
const MAX_BYTES: u64 = (1 << 53) - 1;

/// A number of bytes as a JSON number from 0 to 2^53-1, because GraphQL's Int is limited to 2^31-1. Example: `3753621`.
#[derive(Description, Debug, Clone, Copy, PartialEq, Eq)]
pub struct ByteSize(pub u64);

#[Scalar(use_type_description)]
impl ScalarType for ByteSize {
    fn parse(value: Value) -> InputValueResult<Self> {
        let Value::Number(number) = &value else { return Err(InputValueError::expected_type(value)) };
        match number.as_u64() {
            Some(bytes) if bytes <= MAX_BYTES => Ok(Self(bytes)),
            _ => Err(InputValueError::custom("A ByteSize is a whole number from 0 to 9007199254740991.")),
        }
    }

    fn to_value(&self) -> Value {
        Value::from(self.0.min(MAX_BYTES))
    }
}

/// An absolute URL. Example: `"https://cdn.example.com/images/general/0190a3c2.jpg"`.
#[derive(Description, Debug, Clone, PartialEq, Eq)]
pub struct Url(pub String);

#[Scalar(use_type_description, name = "URL", specified_by_url = "https://url.spec.whatwg.org/")]
impl ScalarType for Url {
    fn parse(value: Value) -> InputValueResult<Self> {
        let Value::String(text) = &value else { return Err(InputValueError::expected_type(value)) };
        url::Url::parse(text)?;
        Ok(Self(text.clone()))
    }

    fn to_value(&self) -> Value {
        Value::String(self.0.clone())
    }
}

/// A count or a length as GraphQL's Int.
pub fn int(number: impl TryInto<i32>) -> i32 {
    number.try_into().unwrap_or(i32::MAX)
}
