"""Names of places, and the two ways of counting layers that differ by one."""

import pytest

from auditor.interp.hookpoints import SITES, Place, UnknownHook, parse_hook, place_of


@pytest.mark.parametrize(
    ("name", "place"),
    [
        ("blocks.12.hook_resid_post", Place(12)),
        ("blocks.0.hook_resid_pre", Place(0, "resid_pre")),
        ("blocks.3.hook_resid_mid", Place(3, "resid_mid")),
        ("blocks.3.hook_mlp_in", Place(3, "resid_mid")),
        ("blocks.7.hook_mlp_out", Place(7, "mlp_out")),
        ("blocks.7.hook_attn_out", Place(7, "attn_out")),
        ("blocks.5.attn.hook_z", Place(5, "z")),
        ("blocks.5.ln2.hook_normalized", Place(5, "mlp_normalized")),
        ("model.layers.20", Place(20)),
        ("model.language_model.layers.20", Place(20)),
        ("transformer.h.4", Place(4)),
        ("gpt_neox.layers.4", Place(4)),
        ("layers.4.output", Place(4)),
    ],
)
def test_known_names(name: str, place: Place) -> None:
    assert parse_hook(name) == place
    assert place.words.startswith(SITES[place.site])


@pytest.mark.parametrize(
    "name",
    [
        "",
        "blocks.x.hook_resid_post",
        "blocks.3.mlp.hook_post",
        "model.layers.3.mlp",
        "lm_head",
        "blocks.3.hook_resid_post\n",
    ],
)
def test_unknown_names_are_refused_with_the_known_ones(name: str) -> None:
    with pytest.raises(UnknownHook, match="hook_resid_post"):
        parse_hook(name)


def test_a_place_s_name_means_it() -> None:
    for site in SITES:
        if site != "final_norm":  # of the model, not of a block
            assert parse_hook(Place(4, site).name) == Place(4, site)


def test_hidden_states_count_the_embedding() -> None:
    assert place_of(0, "hidden_states") == Place(0, "resid_pre")
    assert place_of(13, "hidden_states") == place_of(12, "resid_post") == Place(12)
    assert place_of(26, "hidden_states", n_layers=26) == Place(25, "final_norm"), (
        "the last comes after the final norm"
    )
    assert place_of(25, "resid_post", n_layers=26) == Place(25)


def test_layers_that_are_not_there() -> None:
    for layer, convention in ((27, "hidden_states"), (26, "resid_post"), (-1, "resid_post")):
        with pytest.raises(UnknownHook, match="no layer"):
            place_of(layer, convention, n_layers=26)
    with pytest.raises(UnknownHook, match="no convention"):
        place_of(1, "layer")
