// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "cli/image_program.hpp"

namespace banger::cli {

std::vector<std::string> ImageProgram::argv() const
{
    auto all = entrypoint;
    all.insert(all.end(), command.begin(), command.end());
    return all;
}

std::optional<ImageProgram> image_program_of(const json::Value& image)
{
    auto facts = json::find_fields(image, "facts");
    if (facts["init"] != "none" || !facts.contains("execution"))
        return std::nullopt;
    const auto execution = json::parse_object(facts["execution"], "the image's configuration");
    if (!execution)
        return std::nullopt;
    return ImageProgram{json::find_strings(*execution, "Entrypoint"), json::find_strings(*execution, "Cmd"),
                        json::string_or(*execution, "WorkingDir"), json::string_or(*execution, "User")};
}

std::optional<ImageProgram> find_image_program(Context& context, const std::string& image)
{
    auto session = context.daemon();
    if (!session)
        return std::nullopt;
    json::Object params;
    params.set("name", image);
    const auto shown = (*session)->call("image.show", params);
    return shown ? image_program_of(shown->result) : std::nullopt;
}

}  // namespace banger::cli
