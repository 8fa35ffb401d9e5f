// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "cli/image_program.hpp"

#include "cli/ssh.hpp"

namespace banger::cli {
namespace {

constexpr const char* banger_init = "banger";  // as the agent calls its own (guest/agent/guest_init.hpp)

}  // namespace

std::vector<std::string> ImageProgram::argv() const
{
    auto all = entrypoint;
    all.insert(all.end(), command.begin(), command.end());
    return all;
}

std::optional<ImageProgram> image_program_of(const json::Value& image, const std::string& guest_init)
{
    auto facts = json::find_fields(image, "facts");
    if (guest_init != banger_init || !facts.contains("execution"))
        return std::nullopt;
    const auto execution = json::parse_object(facts["execution"], "the image's configuration");
    if (!execution)
        return std::nullopt;
    return ImageProgram{json::find_strings(*execution, "Entrypoint"), json::find_strings(*execution, "Cmd"),
                        json::string_or(*execution, "WorkingDir"), json::string_or(*execution, "User")};
}

std::optional<ImageProgram> find_image_program(Context& context, const std::string& vm, const std::string& image)
{
    const auto way = find_ssh(context, vm);
    auto session = context.daemon();
    if (!way || !session)
        return std::nullopt;
    json::Object params;
    params.set("name", image);
    const auto shown = (*session)->call("image.show", params);
    return shown ? image_program_of(shown->result, way->guest_init) : std::nullopt;
}

}  // namespace banger::cli
