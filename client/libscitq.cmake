# libscitq, shared and static, with what lets others find it: scitq.h, scitq.pc, a package for CMake.

# Parts of the shared library.
set_target_properties(base model net client PROPERTIES POSITION_INDEPENDENT_CODE ON)

set(soname 0)
# The program has the name scitq among the targets.
add_library(libscitq SHARED scitq.h)
target_link_libraries(libscitq PRIVATE "$<LINK_LIBRARY:WHOLE_ARCHIVE,client>" base model net)
set_target_properties(libscitq PROPERTIES OUTPUT_NAME scitq LINKER_LANGUAGE C VERSION ${PROJECT_VERSION} SOVERSION ${soname}
	LINK_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/scitq.map LIBRARY_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/lib)
target_link_options(libscitq PRIVATE LINKER:--version-script=${CMAKE_CURRENT_SOURCE_DIR}/scitq.map)
# clang leaves the names of its sanitizers to the program.
if(NOT SCITQ_SANITIZE)
	target_link_options(libscitq PRIVATE LINKER:-z,defs)
endif()

# The static one is a single object, whose only global names are those of scitq.h.
set(static ${CMAKE_BINARY_DIR}/lib/libscitq.a)
add_custom_command(OUTPUT ${static}
	COMMAND ${CMAKE_LINKER} -r -o scitq.o --whole-archive $<TARGET_FILE:client> --no-whole-archive
		$<TARGET_FILE:net> $<TARGET_FILE:model> $<TARGET_FILE:base>
	COMMAND ${CMAKE_OBJCOPY} --wildcard --keep-global-symbol=scitq_* scitq.o
	COMMAND ${CMAKE_COMMAND} -E make_directory ${CMAKE_BINARY_DIR}/lib
	COMMAND ${CMAKE_COMMAND} -E rm -f ${static}
	COMMAND ${CMAKE_AR} rcs ${static} scitq.o
	DEPENDS client net model base VERBATIM)
add_custom_target(libscitq_parts ALL DEPENDS ${static} ${CMAKE_CURRENT_BINARY_DIR}/include/scitq.h)

include(CMakePackageConfigHelpers)
# Found from where the file stands, so that what is installed can be moved.
file(RELATIVE_PATH up /${CMAKE_INSTALL_LIBDIR}/pkgconfig /)
configure_file(scitq.pc.in scitq.pc @ONLY)
configure_package_config_file(scitq-config.cmake.in ${CMAKE_CURRENT_BINARY_DIR}/scitq-config.cmake
	INSTALL_DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/scitq
	PATH_VARS CMAKE_INSTALL_INCLUDEDIR CMAKE_INSTALL_LIBDIR)
write_basic_package_version_file(${CMAKE_CURRENT_BINARY_DIR}/scitq-config-version.cmake COMPATIBILITY SameMinorVersion)
install(TARGETS libscitq LIBRARY COMPONENT libscitq)
install(FILES ${static} DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT libscitq)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/include/scitq.h DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} COMPONENT libscitq)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/scitq.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig COMPONENT libscitq)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/scitq-config.cmake ${CMAKE_CURRENT_BINARY_DIR}/scitq-config-version.cmake
	DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/scitq COMPONENT libscitq)
