//! The tree that is grown from the right is the tree of RFC 9162.

use chatops_schemas::audit::{Frontier, Hash};
use proptest::prelude::*;

/// The definition, word for word.
fn root(leaves: &[Hash]) -> Hash {
    match leaves {
        [] => Hash::of(&[]),
        [one] => *one,
        many => {
            let split = many.len().next_power_of_two() / 2;
            Hash::node(&root(&many[..split]), &root(&many[split..]))
        }
    }
}

#[test]
fn known_roots() {
    // The test vectors of Certificate Transparency (RFC 9162 hashes as RFC 6962 did).
    let inputs = [
        "",
        "00",
        "10",
        "2021",
        "3031",
        "40414243",
        "5051525354555657",
    ];
    let roots = [
        "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
        "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
        "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
        "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
        "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    ];
    let mut tree = Frontier::default();
    for (input, expected) in inputs.iter().zip(roots) {
        let bytes: Vec<u8> = (0..input.len() / 2)
            .map(|n| u8::from_str_radix(&input[2 * n..2 * n + 2], 16).unwrap())
            .collect();
        tree.push(Hash::leaf(&bytes));
        assert_eq!(tree.root().to_string(), expected, "{input}");
    }
}

proptest! {
    #[test]
    fn growing_gives_the_root_of_the_definition(leaves in proptest::collection::vec(any::<[u8; 4]>(), 0..70)) {
        let leaves: Vec<_> = leaves.iter().map(|leaf| Hash::leaf(leaf)).collect();
        let mut tree = Frontier::default();
        for (n, leaf) in leaves.iter().enumerate() {
            prop_assert_eq!(tree.root(), root(&leaves[..n]));
            tree.push(*leaf);
        }
        prop_assert_eq!(tree.root(), root(&leaves));
        prop_assert_eq!(tree.size(), u64::try_from(leaves.len()).unwrap());
    }
}
