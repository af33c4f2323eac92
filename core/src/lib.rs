//! The allocation-free core of picojaeger.
#![no_std]
