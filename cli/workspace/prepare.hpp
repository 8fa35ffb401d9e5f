// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>

#include "cli/context.hpp"
#include "cli/workspace/checkout.hpp"

namespace banger::workspace {

inline constexpr const char* default_guest_path = "/root/repo";

/// What `vm run PATH` and `vm workspace prepare` are asked for.
struct PrepareOptions {
    std::string path;  ///< here
    std::string guest_path = default_guest_path;
    CheckoutOptions checkout;
    bool read_only = false;
    std::optional<sdk::Error> problem;  ///< with the configuration that fills in the rest; said before anything is done
};

/// A workspace on its way into a guest. What can be checked here is checked before there is a guest.
class Preparation {
public:
    /// Looks at the repository and says in a line what will go. Errors: those of Checkout::plan.
    static sdk::Result<Preparation> begin(cli::Context& context, const PrepareOptions& options);

    /// Makes what is to be made here, of the host's repository.
    sdk::Result<void> stage();
    /// Sends it to a running guest. A failure leaves nothing there.
    sdk::Result<void> send(const std::string& vm);

    /// `{"host_path", "guest_path", "head", "branch", "base", "files", "untracked"}`, docs/json.md.
    [[nodiscard]] json::Object facts() const;
    [[nodiscard]] const Checkout& checkout() const { return checkout_; }
    [[nodiscard]] const std::string& guest_path() const { return options_.guest_path; }

private:
    Preparation(cli::Context& context, PrepareOptions options, Checkout checkout)
        : context_(context), options_(std::move(options)), checkout_(std::move(checkout))
    {
    }

    cli::Context& context_;
    PrepareOptions options_;
    Checkout checkout_;
};

/// A descriptor that is readable once a signal asks us to stop, for what runs here between calls to the daemon.
/// Errors: those of reaching the daemon.
sdk::Result<int> interrupt_of(cli::Context& context);

/// `cancelled` is what an interrupted program here ends in: notes which signal it was.
sdk::Error interrupted(cli::Context& context, sdk::Error error);

}  // namespace banger::workspace
