//! The checks of arguments, which come before anything else is done with them.

use std::ffi::{CStr, c_char};

use pegel::{Error, ErrorKind};

/// An argument, by its name in the header.
#[derive(Clone, Copy)]
pub struct Argument(pub &'static str);

impl Argument {
    /// An `INVALID_ARGUMENT` error for this argument.
    pub fn invalid(self, reason: &str) -> Error {
        let message = format!("argument {} {reason}", self.0);
        Error::new(ErrorKind::InvalidArgument, message)
    }

    /// A C string of UTF-8, or "" for NULL.
    ///
    /// # Safety
    /// The pointer is NULL or a C string that does not change during `'a`.
    pub unsafe fn optional_text<'a>(self, text: *const c_char) -> Result<&'a str, Error> {
        if text.is_null() {
            return Ok("");
        }
        // SAFETY: the function's promise.
        unsafe { self.text(text) }
    }

    /// A C string of UTF-8.
    ///
    /// # Safety
    /// The pointer is NULL or a C string that does not change during `'a`.
    pub unsafe fn text<'a>(self, text: *const c_char) -> Result<&'a str, Error> {
        // SAFETY: the function's promise.
        let text = unsafe { self.c_string(text)? };
        text.to_str().map_err(|_| self.invalid("must be UTF-8"))
    }

    /// A C string.
    ///
    /// # Safety
    /// The pointer is NULL or a C string that does not change during `'a`.
    pub unsafe fn c_string<'a>(self, text: *const c_char) -> Result<&'a CStr, Error> {
        if text.is_null() {
            return Err(self.null());
        }
        // SAFETY: not NULL, so by the function's promise a C string.
        Ok(unsafe { CStr::from_ptr(text) })
    }

    /// The value at a pointer.
    ///
    /// # Safety
    /// The pointer is NULL or valid for reads during `'a`.
    #[inline]
    pub unsafe fn get<'a, T>(self, pointer: *const T) -> Result<&'a T, Error> {
        self.check(pointer, 1)?;
        // SAFETY: aligned, not NULL, and the function's promise.
        Ok(unsafe { &*pointer })
    }

    /// The value at a pointer, to change it.
    ///
    /// # Safety
    /// The pointer is NULL or valid for reads and writes during `'a`, exclusively.
    pub unsafe fn out<'a, T>(self, pointer: *mut T) -> Result<&'a mut T, Error> {
        self.check(pointer, 1)?;
        // SAFETY: aligned, not NULL, and the function's promise.
        Ok(unsafe { &mut *pointer })
    }

    /// The value at a pointer, to change it; `None` for NULL.
    ///
    /// # Safety
    /// The pointer is NULL or valid for reads and writes during `'a`, exclusively.
    pub unsafe fn optional_out<'a, T>(self, pointer: *mut T) -> Result<Option<&'a mut T>, Error> {
        if pointer.is_null() {
            return Ok(None);
        }
        // SAFETY: the function's promise.
        unsafe { self.out(pointer) }.map(Some)
    }

    /// The `count` values that begin at a pointer, which may be NULL for a count of 0.
    ///
    /// # Safety
    /// The pointer is NULL or valid for reads of `count` values during `'a`.
    pub unsafe fn slice<'a, T>(self, start: *const T, count: usize) -> Result<&'a [T], Error> {
        self.check(start, count)?;
        if count == 0 {
            return Ok(&[]);
        }
        // SAFETY: not NULL, aligned, of a possible size, and the function's promise.
        Ok(unsafe { std::slice::from_raw_parts(start, count) })
    }

    /// The `count` values that begin at a pointer, to change them.
    ///
    /// # Safety
    /// The pointer is NULL or valid for reads and writes of `count` values during `'a`,
    /// exclusively.
    pub unsafe fn slice_mut<'a, T>(
        self,
        start: *mut T,
        count: usize,
    ) -> Result<&'a mut [T], Error> {
        self.check(start, count)?;
        if count == 0 {
            return Ok(&mut []);
        }
        // SAFETY: not NULL, aligned, of a possible size, and the function's promise.
        Ok(unsafe { std::slice::from_raw_parts_mut(start, count) })
    }

    #[cold]
    fn null(self) -> Error {
        self.invalid("must not be NULL")
    }

    #[cold]
    fn misaligned(self, address: usize, alignment: usize) -> Error {
        self.invalid(&format!(
            "must be aligned to {alignment} bytes (got address {address:#x})"
        ))
    }

    #[cold]
    fn too_large(self, count: usize, size: usize) -> Error {
        self.invalid(&format!(
            "is too large for memory (got {count} times {size} bytes)"
        ))
    }

    #[inline]
    fn check<T>(self, start: *const T, count: usize) -> Result<(), Error> {
        if start.is_null() && count > 0 {
            return Err(self.null());
        }
        if !start.is_aligned() {
            return Err(self.misaligned(start.addr(), align_of::<T>()));
        }
        let size = size_of::<T>();
        let bytes = count.checked_mul(size);
        if bytes.is_none_or(|bytes| isize::try_from(bytes).is_err()) {
            return Err(self.too_large(count, size));
        }
        Ok(())
    }
}
