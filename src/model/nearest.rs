//! The known name that is most like an unknown one.

/// The name that `wanted` was probably meant to be; `None` when nothing is near.
///
/// Near means: at most a third of the letters differ, or one name starts with the other. Ties go to the first.
pub fn nearest<'a>(wanted: &str, names: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let folded = fold(wanted);
    let mut best: Option<(usize, &str)> = None;
    for name in names {
        let candidate = fold(name);
        let longest = folded.chars().count().max(candidate.chars().count());
        let mut distance = strsim::damerau_levenshtein(&folded, &candidate);
        if folded.len() >= 3 && (candidate.starts_with(&folded) || folded.starts_with(&candidate)) {
            distance = distance.min(longest / 3);
        }
        if distance * 3 <= longest && best.is_none_or(|(shortest, _)| distance < shortest) {
            best = Some((distance, name));
        }
    }
    best.map(|(_, name)| name)
}

/// Upper case, dashes and underscores make no difference.
fn fold(name: &str) -> String {
    name.to_lowercase().replace('-', "_")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[rstest::rstest]
    #[case("core.lcoal", Some("core.local"))]
    #[case("core.echoo", Some("core.echo"))]
    #[case("Core.Local", Some("core.local"))]
    #[case("entrypoint", Some("entry_point"))]
    #[case("entry-point", Some("entry_point"))]
    #[case("descr", Some("description"))]
    #[case("zebra", None)]
    #[case("", None)]
    fn finds_what_was_meant(#[case] wanted: &str, #[case] expected: Option<&str>) {
        let names = ["core.local", "core.echo", "entry_point", "description"];
        assert_eq!(nearest(wanted, names), expected);
    }
}
