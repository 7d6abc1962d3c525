//! What does not compile, and what the compiler then says.

#[test]
fn wrong_records_are_told_why() {
    trybuild::TestCases::new().compile_fail("tests/ui/*.rs");
}
