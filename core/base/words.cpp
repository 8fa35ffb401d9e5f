// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "core/base/words.hpp"

#include <array>

namespace banger::base {
namespace {

constexpr std::array<std::string_view, 170> adjective_list{
    "able",   "agile",  "alert",   "amber",    "ample",    "apt",     "azure",   "balmy",   "bold",    "brave",
    "breezy", "brief",  "bright",  "brisk",    "calm",     "candid",  "careful", "cheery",  "chief",   "civil",
    "clean",  "clear",  "clever",  "cosmic",   "cosy",     "crisp",   "curious", "dapper",  "daring",  "deft",
    "direct", "eager",  "early",   "earnest",  "easy",     "elegant", "epic",    "exact",   "fair",    "fancy",
    "fast",   "fine",   "firm",    "fleet",    "fluent",   "fond",    "frank",   "free",    "fresh",   "frosty",
    "gentle", "giant",  "glad",    "gleeful",  "golden",   "good",    "grand",   "great",   "green",   "handy",
    "happy",  "hardy",  "hearty",  "helpful",  "honest",   "humble",  "ideal",   "jolly",   "jovial",  "just",
    "keen",   "kind",   "large",   "lasting",  "light",    "lively",  "local",   "logical", "loyal",   "lucid",
    "lucky",  "lunar",  "magic",   "major",    "mellow",   "merry",   "mighty",  "mild",    "misty",   "modern",
    "modest", "mossy",  "neat",    "nice",     "nimble",   "noble",   "novel",   "open",    "patient", "peaceful",
    "placid", "plain",  "playful", "pleasant", "plucky",   "poised",  "polite",  "prime",   "prompt",  "proud",
    "pure",   "quick",  "quiet",   "rapid",    "ready",    "regal",   "rosy",    "round",   "royal",   "rustic",
    "sandy",  "sharp",  "shiny",   "silent",   "silver",   "simple",  "sincere", "sleek",   "smart",   "smooth",
    "snappy", "snowy",  "sober",   "solar",    "solid",    "sonic",   "sound",   "spry",    "stable",  "steady",
    "still",  "stoic",  "strong",  "subtle",   "sunny",    "super",   "sure",    "sweet",   "swift",   "tactful",
    "tall",   "tender", "tidy",    "topical",  "tranquil", "trim",    "trusty",  "upbeat",  "usable",  "valid",
    "vast",   "velvet", "vital",   "vivid",    "warm",     "wise",    "witty",   "worthy",  "young",   "zesty",
};

constexpr std::array<std::string_view, 218> animal_list{
    "adder",     "albatross", "alpaca",  "ant",      "anteater", "antelope", "auk",      "avocet",  "badger",
    "barbel",    "bat",       "bear",    "beaver",   "bee",      "beetle",   "bison",    "boar",    "bobcat",
    "bream",     "buffalo",   "bunting", "camel",    "capybara", "caribou",  "carp",     "cat",     "chamois",
    "cheetah",   "chough",    "cicada",  "civet",    "clam",     "cobra",    "cod",      "colt",    "condor",
    "coot",      "coral",     "corgi",   "cougar",   "cow",      "coyote",   "crab",     "crane",   "cricket",
    "crow",      "cuckoo",    "curlew",  "deer",     "dingo",    "dodo",     "dolphin",  "donkey",  "dove",
    "dragonfly", "duck",      "dunlin",  "eagle",    "eel",      "egret",    "eider",    "elk",     "emu",
    "ermine",    "falcon",    "fawn",    "ferret",   "finch",    "firefly",  "fox",      "frog",    "gannet",
    "gazelle",   "gecko",     "gerbil",  "gibbon",   "giraffe",  "gnu",      "goat",     "goose",   "gopher",
    "grebe",     "grouse",    "gull",    "guppy",    "haddock",  "hamster",  "hare",     "hawk",    "hedgehog",
    "heron",     "herring",   "hippo",   "hornet",   "horse",    "ibex",     "ibis",     "iguana",  "impala",
    "jackal",    "jackdaw",   "jaguar",  "jay",      "kestrel",  "kite",     "kiwi",     "koala",   "koi",
    "kudu",      "ladybird",  "lark",    "lemur",    "leopard",  "linnet",   "lion",     "lizard",  "llama",
    "lobster",   "loon",      "lynx",    "macaw",    "magpie",   "mallard",  "mammoth",  "manatee", "marlin",
    "marmot",    "marten",    "martin",  "merlin",   "mink",     "mole",     "mongoose", "moose",   "moth",
    "mouse",     "mule",      "narwhal", "newt",     "ocelot",   "octopus",  "okapi",    "orca",    "oriole",
    "osprey",    "ostrich",   "otter",   "owl",      "ox",       "oyster",   "panda",    "panther", "parrot",
    "pelican",   "penguin",   "petrel",  "pheasant", "pigeon",   "pika",     "pike",     "plover",  "pony",
    "puffin",    "puma",      "quail",   "quokka",   "rabbit",   "raccoon",  "ram",      "raven",   "ray",
    "reindeer",  "rhino",     "robin",   "rook",     "sable",    "salmon",   "seal",     "shark",   "sheep",
    "shrew",     "shrike",    "skylark", "sloth",    "snail",    "snipe",    "sparrow",  "squid",   "squirrel",
    "starling",  "stoat",     "stork",   "sturgeon", "swallow",  "swan",     "tamarin",  "tapir",   "teal",
    "tern",      "thrush",    "tiger",   "toad",     "tortoise", "toucan",   "trout",    "tuna",    "turtle",
    "vole",      "walrus",    "warbler", "wasp",     "weasel",   "whale",    "wolf",     "wombat",  "wren",
    "yak",       "zebra",
};

}  // namespace

const std::span<const std::string_view> adjectives{adjective_list};
const std::span<const std::string_view> animals{animal_list};

}  // namespace banger::base
