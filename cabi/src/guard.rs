//! The guard around each function of the ABI: a failure or a panic becomes a status, and a message
//! of the thread.

use std::any::Any;
use std::cell::RefCell;
use std::ffi::{CString, c_char};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Once;

use pegel::Error;

use crate::status::pegel_status;

thread_local! {
    static MESSAGE: RefCell<CString> = RefCell::default();
}

/// This thread's last message.
pub fn message() -> *const c_char {
    // The destructors of an ending thread can still call this.
    MESSAGE
        .try_with(|message| message.borrow().as_ptr())
        .unwrap_or(c"".as_ptr())
}

fn remember(text: &str) {
    let text = CString::new(text.replace('\0', "\\0")).unwrap_or_default();
    let _ended = MESSAGE.try_with(|message| *message.borrow_mut() = text);
}

/// Runs one function of the ABI: its error, or its panic, becomes the thread's message and a
/// status.
pub fn guard(body: impl FnOnce() -> Result<(), Error>) -> pegel_status {
    static QUIET: Once = Once::new();
    // A library does not print. It has its own copy of the standard library, and so its own hook.
    QUIET.call_once(|| std::panic::set_hook(Box::new(|_| {})));
    // Unwinding leaves no broken state: a body changes what it changes by one store.
    match catch_unwind(AssertUnwindSafe(body)) {
        Ok(Ok(())) => pegel_status::PEGEL_OK,
        Ok(Err(error)) => {
            remember(&error.to_string());
            error.kind().into()
        }
        Err(panic) => {
            let reason = reason(&*panic);
            remember(&format!("libpegel: internal fault: {reason}. Report it."));
            pegel_status::PEGEL_PANIC
        }
    }
}

fn reason(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("unknown")
}

#[cfg(test)]
mod tests {
    use std::ffi::CStr;

    use super::*;

    #[test]
    fn turns_a_panic_into_a_status_with_a_message() {
        let status = guard(|| panic!("the {} broke", "gauge"));
        assert_eq!(status as i32, 50);
        // SAFETY: this thread has no later failure.
        let message = unsafe { CStr::from_ptr(message()) };
        let message = message.to_str().unwrap();
        assert_eq!(
            message,
            "libpegel: internal fault: the gauge broke. Report it."
        );
    }
}
