//! The structs that begin with their size: read and written as far as both sides know them.

use bytemuck::Pod;
use pegel::Error;

use crate::argument::Argument;

/// A struct of the caller, as far as this library knows it. The rest of a newer program's struct
/// must be zero.
///
/// # Safety
/// `T` is `repr(C)`, begins with a u32 and accepts any bytes that a caller may set; `given` is NULL
/// or valid for reads of as many bytes as its first u32 states.
pub unsafe fn read<T>(argument: Argument, given: *const T, mut known: T) -> Result<T, Error> {
    if given.is_null() {
        return Ok(known);
    }
    // SAFETY: not NULL; by the function's promise the size itself can be read, then that many
    // bytes.
    let bytes = unsafe {
        let size = given.cast::<u32>().read_unaligned() as usize;
        check(argument, size)?;
        argument.slice(given.cast::<u8>(), size)?
    };
    let (given, own) = (bytes.len(), size_of::<T>());
    let common = given.min(own);
    if bytes[common..].iter().any(|&byte| byte != 0) {
        let reason = format!(
            "uses members that this libpegel does not know (got {given} bytes, known {own}). \
             Update libpegel."
        );
        return Err(argument.invalid(&reason));
    }
    // SAFETY: both have that many bytes, and `T` accepts any, by the function's promise.
    unsafe {
        std::ptr::copy_nonoverlapping(bytes.as_ptr(), (&raw mut known).cast::<u8>(), common);
    }
    Ok(known)
}

/// The bytes of a struct of the caller.
///
/// # Safety
/// `place` is NULL or valid for reads and writes of as many bytes as its first u32 states.
pub unsafe fn bytes<'a, T>(argument: Argument, place: *mut T) -> Result<&'a mut [u8], Error> {
    // SAFETY: the function's promise; the size is the first member of all of them.
    let bytes = unsafe {
        let size = *argument.get(place.cast::<u32>())?;
        argument.slice_mut(place.cast::<u8>(), size as usize)?
    };
    check(argument, bytes.len())?;
    Ok(bytes)
}

#[inline]
fn check(argument: Argument, size: usize) -> Result<(), Error> {
    if size < size_of::<u32>() {
        return Err(too_small(argument, size));
    }
    Ok(())
}

#[cold]
fn too_small(argument: Argument, size: usize) -> Error {
    let reason = format!("must have a size of at least 4 bytes (got {size}). Set it to sizeof.");
    argument.invalid(&reason)
}

/// Fills in a struct of the caller, as far as it reaches; its size stays.
pub fn fill<T: Pod>(place: &mut [u8], value: &T) {
    let value = bytemuck::bytes_of(value);
    let common = place.len().min(value.len());
    let size = size_of::<u32>();
    place[size..common].copy_from_slice(&value[size..common]);
}
