//! The seed of ids: the board, and the number of its boots.

use core::mem::MaybeUninit;
use core::ptr;

use picojaeger_core::Seed;

/// Identification registers of the board's system controller. All boards of one kind show the same,
/// so two of them would share trace ids: a product reads the unique id of its chip here, as at
/// `0x1fff_7590` on an STM32L4, or takes 96 bits from its random generator.
const ID: [*const u32; 2] = [0x4002_fff8 as *const u32, 0x4002_fffc as *const u32];

/// Returns the name of the board, by its identification.
pub fn board() -> &'static str {
    let [_, kind] = ID;
    // SAFETY: reading the register has no side effect.
    match unsafe { ptr::read_volatile(kind) } >> 4 & 0xfff {
        0x385 => "mps2-an385",
        0x386 => "mps2-an386",
        _ => "unknown",
    }
}

/// Written beside the count, which is valid only then.
const VALID: u32 = 0x7069_636f;

/// `VALID` and the count of boots, in memory that a reset does not clear. What survives the loss of
/// power as well is flash, an EEPROM or a backup register.
#[unsafe(link_section = ".uninit.boots")]
static mut BOOTS: MaybeUninit<[u32; 2]> = MaybeUninit::uninit();

/// Returns the seed of this boot; call it once, before interrupts start.
pub fn seed() -> Seed {
    // SAFETY: reading the registers has no side effect.
    let [low, high] = ID.map(|register| unsafe { ptr::read_volatile(register) });
    Seed::from_words([low, high, count_boot()])
}

fn count_boot() -> u32 {
    let kept = (&raw mut BOOTS).cast::<[u32; 2]>();
    // SAFETY: nothing else has the address, and any bits of RAM are two numbers: a volatile read takes
    // them as they are.
    let [valid, boots] = unsafe { kept.read_volatile() };
    let boots = if valid == VALID {
        boots.wrapping_add(1)
    } else {
        1
    };
    // SAFETY: as above.
    unsafe { kept.write_volatile([VALID, boots]) };
    boots
}
