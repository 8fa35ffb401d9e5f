// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

namespace banger::workspace {

/// For the guest's shell, with the directory and the base as arguments: begins whatever compares a workspace with its
/// base. Afterwards GIT_INDEX_FILE is an index of the files as they are and `base` is the base.
///
/// That index and new objects are in a place of their own, which vanishes: beside the guest's index, or in memory where
/// there is no room. The index begins with what is known of the files as they came, so that only changed ones are read.
/// It has the time when they came, by the guest's clock, which may be behind the host's: git reads a file again that has a
/// later time (git's Documentation/technical/racy-git.txt). Ignored files are in it if the guest's git tracks them. What
/// is a repository of its own is none of this one's: if it changed, a note on standard error says so. The files may have
/// become another user's than the one who runs this.
inline constexpr const char* index_script = R"sh(set -e
command -v git >/dev/null || {
    echo "there is no git in the machine, which compares the files: install it there" >&2
    exit 1
}
cd "$1" || exit 1
export GIT_OPTIONAL_LOCKS=0 GIT_CONFIG_COUNT=1 GIT_CONFIG_KEY_0=safe.directory GIT_CONFIG_VALUE_0='*'
git rev-parse --git-dir >/dev/null 2>&1 || {
    echo "'$1' is no git repository there: bring files that went without one back with vm cp" >&2
    exit 1
}
place=
trap '[ -z "$place" ] || rm -rf "$place"' EXIT

open_place() {
    place=$(mktemp -d "$1/banger-export-XXXXXX" 2>/dev/null) && mkdir -p "$place/objects/info" &&
        echo "$objects" >"$place/objects/info/alternates" && export GIT_OBJECT_DIRECTORY="$place/objects"
}
take_files() {
    for known in "$git/banger-base-index" "$git/index"; do
        [ -f "$known" ] || continue
        cp "$known" "$place/index" 2>/dev/null && touch -d "@$(stat -c %Z "$known")" "$place/index" || return 1
        break
    done
    export GIT_INDEX_FILE="$place/index"
    git add -A --ignore-errors 2>/dev/null || :
    GIT_INDEX_FILE="$git/index" git ls-files -z -c -i --exclude-standard |
        xargs -0 sh -c 'for name do [ ! -L "$name" ] && [ ! -f "$name" ] || printf "%s\0" "$name"; done' sh |
        git update-index -z --add --stdin 2>/dev/null || return 1
    git diff-files --quiet --ignore-submodules=all &&
        [ -z "$(git ls-files -o --exclude-standard | grep -v '/"\{0,1\}$' | head -n 1)" ]
}
make_index() {
    objects=$(cd "$(git rev-parse --git-path objects)" && pwd)
    for where do
        open_place "$where" && take_files && return
        unset GIT_OBJECT_DIRECTORY GIT_INDEX_FILE
        [ -z "$place" ] || rm -rf "$place"
    done
    return 1
}
names_of_repositories() {
    git ls-files -z -s | tr '\n\0' '\0\n' | sed -n 's/^160000 [0-9a-f]* [0-9][[:blank:]]//p'
    git ls-files -z -o --exclude-standard | tr '\n\0' '\0\n' | sed -n 's,/$,,p'
}
name_changed_repositories() (
    top=$1 above=$2 outer=$place
    names_of_repositories | while IFS= read -r name; do
        [ -e "$name/.git" ] || continue
        (
            unset GIT_INDEX_FILE GIT_OBJECT_DIRECTORY
            cd "$name"
            if ! git rev-parse --verify --quiet refs/banger/base >/dev/null; then
                echo "note: left out: '$above$name', a repository that was made there" >&2
                exit
            fi
            git=$(git rev-parse --absolute-git-dir)
            make_index "$outer" && git diff --cached --quiet --ignore-submodules=all refs/banger/base ||
                echo "note: left out: changes in '$above$name': export them with --guest-path '$top/$above$name'" >&2
            name_changed_repositories "$top" "$above$name/"
        )
    done
)

base=${2:-refs/banger/base}
git rev-parse --verify --quiet "$base^{commit}" >/dev/null || {
    echo "'$1' was not made by banger, or has no commit '$base': name one with --base-commit" >&2
    exit 1
}
git=$(git rev-parse --absolute-git-dir)
make_index "$git" /dev/shm /run || {
    echo "git in the machine cannot take in all of the files in '$1'" >&2
    git add -A || :
    exit 1
}
name_changed_repositories "$1" ''
)sh";

inline constexpr const char* print_patch = R"sh(git diff --cached --binary --full-index --no-color --no-ext-diff --no-textconv \
    --no-renames --ignore-submodules=all --src-prefix=a/ --dst-prefix=b/ "$base"
)sh";
inline constexpr const char* print_status = R"sh(printf '%s\0' "$(git rev-parse "$base^{commit}")" \
    "$(git rev-parse --verify --quiet HEAD || true)" "$(git symbolic-ref --quiet --short HEAD || true)" \
    "$(git rev-list --count HEAD --not refs/banger/base 2>/dev/null || echo 0)"
git diff --cached --name-status -z --no-renames --ignore-submodules=all "$base"
)sh";

}  // namespace banger::workspace
