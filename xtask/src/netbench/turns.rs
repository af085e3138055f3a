//! Whose turn it is where kinds of a load are compared with each other.

/// Which of `kinds` has turn `number`: all in order, then all in reverse order, and so on. With two that is A B B A. What grows or shrinks steadily
/// meanwhile is then the same for all, whatever it is, and those whose figures are compared stand close together.
pub fn kind(number: usize, kinds: usize) -> usize {
    let (round, place) = (number / kinds, number % kinds);
    if round.is_multiple_of(2) { place } else { kinds - 1 - place }
}

#[cfg(test)]
mod tests {
    use super::kind;

    #[test]
    fn each_has_one_turn_a_round_and_what_grows_steadily_is_the_same_for_all() {
        assert_eq!((0..8).map(|number| kind(number, 2)).collect::<Vec<_>>(), [0, 1, 1, 0, 0, 1, 1, 0]);
        for kinds in 1..=4 {
            let mut sums = vec![0; kinds];
            for round in 0..6 {
                let mut turns: Vec<usize> = (0..kinds).map(|place| kind(round * kinds + place, kinds)).collect();
                turns.iter().enumerate().for_each(|(place, &kind)| sums[kind] += round * kinds + place);
                turns.sort_unstable();
                assert_eq!(turns, (0..kinds).collect::<Vec<_>>());
            }
            assert!(sums.iter().all(|&sum| sum == sums[0]), "{sums:?}");
        }
    }
}
