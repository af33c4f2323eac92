//! Answers as a script reads them.
