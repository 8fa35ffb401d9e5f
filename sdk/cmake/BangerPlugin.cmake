# banger_add_plugin(<name> SOURCES <file>... [LIBRARIES <target>...] [DIRECTORY <dir>])
#
# Builds a plugin from its sources and from `<name>.plugin.json` beside them (its sidecar: id, version, api, kinds and
# config_schema; "needs_root": true where only root can do what its providers do). Sets what a plugin needs: hidden
# visibility with one exported symbol, nothing left unresolved, never unloaded. The sidecar is put beside the library and installed with it; with DIRECTORY both are put there instead and
# not installed, as tests want it.
function(banger_add_plugin name)
    cmake_parse_arguments(PARSE_ARGV 1 plugin "" "DIRECTORY" "SOURCES;LIBRARIES")
    set(directory ${CMAKE_BINARY_DIR}/lib/banger/plugins)
    if(plugin_DIRECTORY)
        set(directory ${plugin_DIRECTORY})
    endif()
    set(sidecar ${CMAKE_CURRENT_SOURCE_DIR}/${name}.plugin.json)
    set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${sidecar})
    file(READ ${sidecar} text)
    string(JSON id GET "${text}" id)
    string(JSON version GET "${text}" version)
    string(JSON schema GET "${text}" config_schema)
    set(generated ${CMAKE_CURRENT_BINARY_DIR}/${name}-plugin/banger_plugin_sidecar.hpp)
    file(CONFIGURE OUTPUT ${generated} @ONLY CONTENT [==[
#pragma once
#define BANGER_PLUGIN_ID "@id@"
#define BANGER_PLUGIN_VERSION "@version@"
inline constexpr char banger_plugin_config_schema[] = R"schema(@schema@)schema";
]==])

    set(target banger-plugin-${name})
    add_library(${target} MODULE ${plugin_SOURCES})
    target_link_libraries(${target} PRIVATE banger::sdk ${plugin_LIBRARIES})
    target_compile_features(${target} PRIVATE cxx_std_20)
    target_compile_options(${target} PRIVATE -include ${generated})
    target_link_options(${target} PRIVATE
        -Wl,-z,nodelete -Wl,-z,defs -Wl,-z,now
        -Wl,--exclude-libs,ALL
        -Wl,--version-script=${CMAKE_CURRENT_FUNCTION_LIST_DIR}/plugin.map)
    set_target_properties(${target} PROPERTIES
        PREFIX "" OUTPUT_NAME ${name}
        CXX_VISIBILITY_PRESET hidden VISIBILITY_INLINES_HIDDEN ON
        LIBRARY_OUTPUT_DIRECTORY ${directory})
    if(COMMAND banger_warnings)
        banger_warnings(${target})
    endif()
    add_custom_command(TARGET ${target} POST_BUILD
        COMMAND ${CMAKE_COMMAND} -E copy_if_different ${sidecar} ${directory}/${name}.plugin.json)
    if(plugin_DIRECTORY)
        return()
    endif()
    if(NOT DEFINED BANGER_PLUGIN_DIR)
        set(BANGER_PLUGIN_DIR lib/banger/plugins)
    endif()
    install(TARGETS ${target} LIBRARY DESTINATION ${BANGER_PLUGIN_DIR})
    install(FILES ${sidecar} DESTINATION ${BANGER_PLUGIN_DIR})
endfunction()
