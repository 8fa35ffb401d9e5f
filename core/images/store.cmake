# Catalogue, images and kernels in the store. The catalogue is part of the program.
set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS catalogue.json)
file(READ catalogue.json BANGER_CATALOGUE)
configure_file(catalogue_text.cpp.in catalogue_text.cpp @ONLY)

find_package(OpenSSL REQUIRED)
find_package(Threads REQUIRED)

add_library(banger-image-store STATIC
    ${CMAKE_CURRENT_BINARY_DIR}/catalogue_text.cpp
    bundle.cpp
    bundle_writer.cpp
    catalogue.cpp
    change_mark.cpp
    collection.cpp
    download_cache.cpp
    finished_layer.cpp
    image_import.cpp
    image_store.cpp
    initramfs_modules.cpp
    kernel_import.cpp
    kernel_needs.cpp
    kernel_store.cpp
    linked_call.cpp
    noted_choices.cpp
    published_catalogue.cpp
    recipe_identity.cpp
    sha256.cpp
    shelf.cpp
    source_choices.cpp
    vmlinux.cpp)
target_include_directories(banger-image-store PUBLIC ${PROJECT_SOURCE_DIR})
target_link_libraries(banger-image-store
    PUBLIC banger::sdk banger-base banger-model
    PRIVATE banger-guest banger-images PkgConfig::LIBARCHIVE OpenSSL::Crypto Threads::Threads)
if(COMMAND banger_warnings)
    banger_warnings(banger-image-store)
endif()
