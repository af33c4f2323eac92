//! Arguments of the attribute have fixed names; one of them is written twice, or has no value.

use picojaeger_std::traced;

#[traced(error)]
fn unknown() {}

#[traced(err, err)]
fn twice() -> Result<(), String> {
    Ok(())
}

#[traced(err(Text))]
fn no_such_way() -> Result<(), String> {
    Ok(())
}

#[traced(fields(order.id))]
fn field_without_a_value(_id: u64) {}

#[traced(name = "")]
fn no_name() {}

fn main() {}
