// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/types.h>

#include <vector>

#include "banger/sdk/jail.hpp"
#include "core/model/json.hpp"

namespace banger::privd {

/// What banger-jail is told on its standard input, a socket, in one line of JSON: the program, and who runs it. Its answer
/// there is another: {"pid"} of the program, as its caller sees it, or {"error"}.
struct JailOrder {
    uid_t user = 0;
    gid_t group = 0;
    std::vector<gid_t> groups;  ///< further ones of his; the program has those alone that a file of its needs
    sdk::JailSpec spec;
};

json::Object encode(const JailOrder& order);
/// Strict: `invalid`, naming what is missing, for anything that `encode` would not write.
sdk::Result<JailOrder> read_order(std::string_view text);

}  // namespace banger::privd
