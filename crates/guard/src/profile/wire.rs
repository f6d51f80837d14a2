//! The binary form of profile and site: fixed-width little-endian fields, a version, a check sum. No dependency, no
//! allocation that the input could make large, no panic.

use sekisho_message::Time;

use crate::place::Place;

/// Why bytes are not a profile.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// They end too early, or go on too long.
    #[error("wrong length")]
    Length,
    /// A version that this build does not know.
    #[error("unknown version {0}")]
    Version(u8),
    /// The check sum is wrong.
    #[error("check sum does not match")]
    Checksum,
    /// A value is outside its range.
    #[error("value out of range")]
    Value,
}

/// Something with a binary form.
pub(crate) trait Wire: Sized {
    fn put(&self, out: &mut Vec<u8>);
    fn take(input: &mut &[u8]) -> Result<Self, DecodeError>;
}

/// Version, value, check sum.
pub(crate) fn seal<T: Wire>(version: u8, value: &T) -> Vec<u8> {
    let mut out = Vec::with_capacity(6 * 1024);
    out.push(version);
    value.put(&mut out);
    let sum = checksum(&out);
    out.extend_from_slice(&sum.to_le_bytes());
    out
}

/// The reverse of [`seal`].
pub(crate) fn open<T: Wire>(version: u8, bytes: &[u8]) -> Result<T, DecodeError> {
    let (body, sum) = bytes.split_last_chunk::<4>().ok_or(DecodeError::Length)?;
    let (&found, mut rest) = body.split_first().ok_or(DecodeError::Length)?;
    if found != version {
        return Err(DecodeError::Version(found));
    }
    if checksum(body) != u32::from_le_bytes(*sum) {
        return Err(DecodeError::Checksum);
    }
    let value = T::take(&mut rest)?;
    if rest.is_empty() { Ok(value) } else { Err(DecodeError::Length) }
}

/// FNV-1a over eight octets at a time: against accidents, not against people.
fn checksum(bytes: &[u8]) -> u32 {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    let mut chunks = bytes.chunks_exact(8);
    for chunk in &mut chunks {
        let mut word = [0; 8];
        word.copy_from_slice(chunk);
        hash = (hash ^ u64::from_le_bytes(word)).wrapping_mul(0x0000_0100_0000_01b3);
        hash ^= hash >> 29;
    }
    for &byte in chunks.remainder() {
        hash = (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
    }
    #[allow(clippy::cast_possible_truncation)] // folding is the point
    let folded = (hash ^ (hash >> 32)) as u32;
    folded
}

macro_rules! number {
    ($($kind:ty),*) => {$(
        impl Wire for $kind {
            fn put(&self, out: &mut Vec<u8>) {
                out.extend_from_slice(&self.to_le_bytes());
            }
            fn take(input: &mut &[u8]) -> Result<Self, DecodeError> {
                let (head, rest) = input.split_first_chunk().ok_or(DecodeError::Length)?;
                *input = rest;
                Ok(Self::from_le_bytes(*head))
            }
        }
    )*};
}
number!(u8, u16, u32, u64, i64);

impl Wire for f32 {
    fn put(&self, out: &mut Vec<u8>) {
        // A profile never holds anything else; if it did, zero is the harmless reading.
        let value = if self.is_finite() { *self } else { 0.0 };
        out.extend_from_slice(&value.to_le_bytes());
    }
    fn take(input: &mut &[u8]) -> Result<Self, DecodeError> {
        let value = Self::from_bits(u32::take(input)?);
        if value.is_finite() { Ok(value) } else { Err(DecodeError::Value) }
    }
}

impl Wire for bool {
    fn put(&self, out: &mut Vec<u8>) {
        out.push(u8::from(*self));
    }
    fn take(input: &mut &[u8]) -> Result<Self, DecodeError> {
        match u8::take(input)? {
            0 => Ok(false),
            1 => Ok(true),
            _ => Err(DecodeError::Value),
        }
    }
}

impl Wire for Time {
    fn put(&self, out: &mut Vec<u8>) {
        self.0.put(out);
    }
    fn take(input: &mut &[u8]) -> Result<Self, DecodeError> {
        i64::take(input).map(Self)
    }
}

impl Wire for Place {
    fn put(&self, out: &mut Vec<u8>) {
        match self {
            Self::Unknown => out.push(0),
            Self::V4(octets) => {
                out.push(4);
                out.extend_from_slice(octets);
            }
            Self::V6(octets) => {
                out.push(6);
                out.extend_from_slice(octets);
            }
        }
    }
    fn take(input: &mut &[u8]) -> Result<Self, DecodeError> {
        match u8::take(input)? {
            0 => Ok(Self::Unknown),
            4 => <[u8; 3]>::take(input).map(Self::V4),
            6 => <[u8; 6]>::take(input).map(Self::V6),
            _ => Err(DecodeError::Value),
        }
    }
}

impl<T: Wire> Wire for Option<T> {
    fn put(&self, out: &mut Vec<u8>) {
        self.is_some().put(out);
        if let Some(value) = self {
            value.put(out);
        }
    }
    fn take(input: &mut &[u8]) -> Result<Self, DecodeError> {
        if bool::take(input)? { T::take(input).map(Some) } else { Ok(None) }
    }
}

impl<T: Wire + Copy + Default, const N: usize> Wire for [T; N] {
    fn put(&self, out: &mut Vec<u8>) {
        self.iter().for_each(|item| item.put(out));
    }
    fn take(input: &mut &[u8]) -> Result<Self, DecodeError> {
        let mut out = [T::default(); N];
        for slot in &mut out {
            *slot = T::take(input)?;
        }
        Ok(out)
    }
}

/// At most `N` items, oldest first.
#[derive(Clone, Debug, PartialEq)]
pub struct Ring<T, const N: usize>(pub(crate) Vec<T>);

impl<T, const N: usize> Default for Ring<T, N> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T, const N: usize> Ring<T, N> {
    /// Adds one; the oldest goes when it is full.
    pub(crate) fn push(&mut self, item: T) {
        if self.0.len() >= N {
            self.0.remove(0);
        }
        self.0.push(item);
    }

    /// The items, oldest first.
    #[must_use]
    pub fn items(&self) -> &[T] {
        &self.0
    }
}

impl<T: Wire, const N: usize> Wire for Ring<T, N> {
    fn put(&self, out: &mut Vec<u8>) {
        // N is at most 255 everywhere.
        out.push(u8::try_from(self.0.len().min(N)).unwrap_or(u8::MAX));
        self.0.iter().take(N).for_each(|item| item.put(out));
    }
    fn take(input: &mut &[u8]) -> Result<Self, DecodeError> {
        let length = usize::from(u8::take(input)?);
        if length > N {
            return Err(DecodeError::Value);
        }
        let mut items = Vec::with_capacity(length);
        for _ in 0..length {
            items.push(T::take(input)?);
        }
        Ok(Self(items))
    }
}

/// A binary form for a struct: its fields in order.
macro_rules! wire {
    ($name:ident { $($field:ident),* $(,)? }) => {
        impl $crate::profile::wire::Wire for $name {
            fn put(&self, out: &mut Vec<u8>) {
                $( self.$field.put(out); )*
            }
            fn take(input: &mut &[u8]) -> Result<Self, $crate::profile::wire::DecodeError> {
                Ok(Self { $( $field: $crate::profile::wire::Wire::take(input)? ),* })
            }
        }
    };
}
/// A binary form for an enum of units: its number.
macro_rules! wire_enum {
    ($name:ident { $($variant:ident = $number:literal),* $(,)? }) => {
        impl $crate::profile::wire::Wire for $name {
            fn put(&self, out: &mut Vec<u8>) {
                out.push(match self { $( Self::$variant => $number ),* });
            }
            fn take(input: &mut &[u8]) -> Result<Self, $crate::profile::wire::DecodeError> {
                match u8::take(input)? {
                    $( $number => Ok(Self::$variant), )*
                    _ => Err($crate::profile::wire::DecodeError::Value),
                }
            }
        }
    };
}
pub(crate) use {wire, wire_enum};
