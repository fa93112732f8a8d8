//! Lets the unit tests of the pure modules be linked: PostgreSQL's symbols exist only inside a
//! server, and those tests call none of them.

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rustc-link-arg=-Wl,--unresolved-symbols=ignore-all");
}
