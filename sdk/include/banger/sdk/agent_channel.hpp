// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

namespace banger::sdk {

/// Where the agent in a guest waits for its host. A VMM has one of the two: a virtio-serial port of this name (virtio
/// 1.2, section 5.3), or a vsock device, through which this port is dialled (vsock(7)).
inline constexpr const char* agent_port_name = "banger.agent";
inline constexpr unsigned agent_vsock_port = 10;

/// What the stream to the agent is on the guest's side. In either case a new session begins with the host's greeting,
/// and the agent serves whoever greeted it last.
enum class ChannelKind {
    none,    ///< nobody answers: the VMM boots nothing
    port,    ///< one port for the machine's life, for one client after another: bytes for one that died are still in it
    socket,  ///< a connection for each client: both ends notice when the other goes
};

}  // namespace banger::sdk
