// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

namespace banger::agent {

/// Takes the agent, and what it starts from now on, out of systemd's init.scope into a control group that is no unit's.
///
/// systemd takes what runs before it does into that scope, and stops a scope as soon as the kernel kills one of its processes for want
/// of memory, unless it knows an OOMPolicy= for scopes (version 253): SIGTERM to all in it, and SIGKILL after 90 seconds. One
/// command that took too much would take all others along, and then the agent. Does nothing anywhere else.
void leave_init_scope();

}  // namespace banger::agent
