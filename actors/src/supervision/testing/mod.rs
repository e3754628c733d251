//! Virtual time, a world without leaks, and scripted faulty actors.
