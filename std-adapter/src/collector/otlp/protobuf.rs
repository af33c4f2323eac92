//! Fields of protobuf messages.

/// The value of a field.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) enum Value<'m> {
    Number(u64),
    Fixed64(u64),
    Fixed32(u32),
    Bytes(&'m [u8]),
}

/// The fields of a message, each with its number; ends with an error where the message is damaged.
pub(super) struct Fields<'m> {
    rest: &'m [u8],
}

/// The message is no protobuf.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Damaged;

impl<'m> Fields<'m> {
    pub(super) const fn of(message: &'m [u8]) -> Self {
        Fields { rest: message }
    }

    fn field(&mut self) -> Result<(u64, Value<'m>), Damaged> {
        let tag = self.varint()?;
        let value = match tag & 7 {
            0 => Value::Number(self.varint()?),
            1 => Value::Fixed64(u64::from_le_bytes(self.array()?)),
            2 => {
                let length = usize::try_from(self.varint()?).map_err(|_| Damaged)?;
                Value::Bytes(self.bytes(length)?)
            }
            5 => Value::Fixed32(u32::from_le_bytes(self.array()?)),
            _ => return Err(Damaged),
        };
        Ok((tag >> 3, value))
    }

    fn varint(&mut self) -> Result<u64, Damaged> {
        let mut number = 0;
        for shift in (0..64).step_by(7) {
            let [byte] = self.array()?;
            number |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Ok(number);
            }
        }
        Err(Damaged)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], Damaged> {
        let (array, rest) = self.rest.split_first_chunk().ok_or(Damaged)?;
        self.rest = rest;
        Ok(*array)
    }

    fn bytes(&mut self, length: usize) -> Result<&'m [u8], Damaged> {
        let (bytes, rest) = self.rest.split_at_checked(length).ok_or(Damaged)?;
        self.rest = rest;
        Ok(bytes)
    }
}

impl<'m> Iterator for Fields<'m> {
    type Item = Result<(u64, Value<'m>), Damaged>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let field = self.field();
        if field.is_err() {
            self.rest = &[];
        }
        Some(field)
    }
}

impl<'m> Value<'m> {
    pub(super) fn bytes(self) -> Result<&'m [u8], Damaged> {
        match self {
            Value::Bytes(bytes) => Ok(bytes),
            _ => Err(Damaged),
        }
    }

    pub(super) fn text(self) -> Result<String, Damaged> {
        let text = std::str::from_utf8(self.bytes()?).map_err(|_| Damaged)?;
        Ok(text.to_owned())
    }

    /// Returns a number of any form.
    pub(super) fn number(self) -> Result<u64, Damaged> {
        match self {
            Value::Number(number) | Value::Fixed64(number) => Ok(number),
            Value::Fixed32(number) => Ok(number.into()),
            Value::Bytes(_) => Err(Damaged),
        }
    }
}
