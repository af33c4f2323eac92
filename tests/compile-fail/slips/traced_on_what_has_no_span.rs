//! The attribute is for functions that run and have a body.

use picojaeger_std::traced;

#[traced]
struct Order;

#[traced]
const fn at_compile_time() -> u32 {
    7
}

trait Stock {
    #[traced]
    fn count(&self) -> u32;
}

#[traced(name = "stock")]
impl Order {
    fn sum(&self) -> u32 {
        7
    }
}

fn main() {}
