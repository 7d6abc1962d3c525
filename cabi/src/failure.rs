//! Failures: to a status for the program and a message for its thread. And the checks of arguments
//! that come before anything can be asked of them.

use std::any::Any;
use std::cell::RefCell;
use std::ffi::{CStr, CString, c_char};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Once;

use pegel::{Error, ErrorKind};

use crate::types::pegel_status;

thread_local! {
    static MESSAGE: RefCell<CString> = RefCell::default();
}

/// This thread's last message.
pub fn message() -> *const c_char {
    // A thread that is ending has no message any more.
    MESSAGE
        .try_with(|message| message.borrow().as_ptr())
        .unwrap_or(c"".as_ptr())
}

fn remember(text: &str) {
    let text = CString::new(text.replace('\0', "\\0")).unwrap_or_default();
    let _ended = MESSAGE.try_with(|message| *message.borrow_mut() = text);
}

/// Runs one function of the ABI: its error, or its panic, becomes the thread's message and a status.
pub fn guard(body: impl FnOnce() -> Result<(), Error>) -> pegel_status {
    static QUIET: Once = Once::new();
    // A library does not print. The standard library in this one is its own, and so is the hook.
    QUIET.call_once(|| std::panic::set_hook(Box::new(|_| {})));
    // Unwinding leaves no broken state behind: what a body changes, it changes by one store.
    match catch_unwind(AssertUnwindSafe(body)) {
        Ok(Ok(())) => pegel_status::PEGEL_OK,
        Ok(Err(error)) => {
            remember(&error.to_string());
            error.kind().into()
        }
        Err(panic) => {
            remember(&format!(
                "a fault in Pegel itself, please report it: {}",
                reason(&*panic)
            ));
            pegel_status::PEGEL_PANIC
        }
    }
}

fn reason(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("unknown")
}

/// An argument by its name in the header, for its checks.
#[derive(Clone, Copy)]
pub struct Argument(pub &'static str);

impl Argument {
    /// That it is not what it has to be.
    pub fn invalid(self, reason: &str) -> Error {
        Error::new(ErrorKind::InvalidArgument, format!("{} {reason}", self.0))
    }

    /// That it has what only a newer library knows.
    pub fn unknown(self) -> Error {
        self.invalid("asks for what this library does not know; use a newer one")
    }

    /// A C string of UTF-8, or "" for NULL.
    ///
    /// # Safety
    /// It is NULL or a C string that stays as it is for `'a`.
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
    /// It is NULL or a C string that stays as it is for `'a`.
    pub unsafe fn text<'a>(self, text: *const c_char) -> Result<&'a str, Error> {
        if text.is_null() {
            return Err(self.invalid("is NULL"));
        }
        // SAFETY: not NULL, so by the function's promise a C string.
        let text = unsafe { CStr::from_ptr(text) };
        text.to_str().map_err(|_| self.invalid("is no UTF-8"))
    }

    /// What a pointer points to.
    ///
    /// # Safety
    /// It is NULL or valid for reads for `'a`.
    pub unsafe fn get<'a, T>(self, pointer: *const T) -> Result<&'a T, Error> {
        self.check(pointer, 1)?;
        // SAFETY: aligned, not NULL, and the function's promise.
        Ok(unsafe { &*pointer })
    }

    /// What a pointer points to, to change it.
    ///
    /// # Safety
    /// It is NULL or valid for reads and writes for `'a`, by nobody else.
    pub unsafe fn out<'a, T>(self, pointer: *mut T) -> Result<&'a mut T, Error> {
        self.check(pointer, 1)?;
        // SAFETY: aligned, not NULL, and the function's promise.
        Ok(unsafe { &mut *pointer })
    }

    /// What a pointer points to, to change it, or nothing for NULL.
    ///
    /// # Safety
    /// It is NULL or valid for reads and writes for `'a`, by nobody else.
    pub unsafe fn optional_out<'a, T>(self, pointer: *mut T) -> Result<Option<&'a mut T>, Error> {
        if pointer.is_null() {
            return Ok(None);
        }
        // SAFETY: the function's promise.
        unsafe { self.out(pointer) }.map(Some)
    }

    /// `count` values from a pointer on, which may be NULL when there are none.
    ///
    /// # Safety
    /// It is NULL or valid for reads of `count` values for `'a`.
    pub unsafe fn slice<'a, T>(self, start: *const T, count: usize) -> Result<&'a [T], Error> {
        self.check(start, count)?;
        if count == 0 {
            return Ok(&[]);
        }
        // SAFETY: not NULL, aligned, of a possible size, and the function's promise.
        Ok(unsafe { std::slice::from_raw_parts(start, count) })
    }

    /// `count` values from a pointer on, to change them.
    ///
    /// # Safety
    /// It is NULL or valid for reads and writes of `count` values for `'a`, by nobody else.
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

    fn check<T>(self, start: *const T, count: usize) -> Result<(), Error> {
        if start.is_null() && count > 0 {
            return Err(self.invalid("is NULL"));
        }
        if !start.is_aligned() {
            return Err(self.invalid("is not aligned"));
        }
        if count
            .checked_mul(size_of::<T>())
            .is_none_or(|bytes| isize::try_from(bytes).is_err())
        {
            return Err(self.invalid("cannot be that large"));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_a_status_with_a_message() {
        let status = guard(|| panic!("the {} broke", "gauge"));
        assert_eq!(status as i32, 50);
        // SAFETY: this thread fails no more.
        let message = unsafe { CStr::from_ptr(message()) };
        assert!(message.to_str().unwrap().ends_with("the gauge broke"));
    }
}
