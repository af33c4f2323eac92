//! The control: has a fault that is only found with feedback from the code that an input reaches.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    if let [b'f', b'a', b'u', b'l', b't', ..] = data {
        panic!("the planted fault");
    }
});
