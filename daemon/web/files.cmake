# Writes web_files.c, with which the assembler puts the page's files into the program.
#
# SPDX-License-Identifier: Apache-2.0
set(folder ${CMAKE_CURRENT_SOURCE_DIR}/web/page)
file(GLOB_RECURSE SPIKED_PAGE_FILES CONFIGURE_DEPENDS RELATIVE ${folder} ${folder}/*)

set(type_html "text/html; charset=utf-8")
set(type_css "text/css; charset=utf-8")
set(type_js "text/javascript; charset=utf-8")
set(type_json "application/json")
set(type_webmanifest "application/manifest+json")
set(type_svg "image/svg+xml")
set(type_png "image/png")
set(type_ico "image/x-icon")
set(type_woff2 "font/woff2")

set(labels "")
set(rows "")
set(number 0)
foreach(file ${SPIKED_PAGE_FILES})
	get_filename_component(ending ${file} LAST_EXT)
	string(SUBSTRING ${ending} 1 -1 ending)
	if(NOT DEFINED type_${ending})
		message(FATAL_ERROR "daemon/web/page/${file}: files.cmake knows no type for .${ending}")
	endif()
	string(APPEND labels "FILE(${number}, \"${folder}/${file}\")\n")
	string(APPEND rows "\t{\"/${file}\", \"${type_${ending}}\", file_${number}, end_${number}},\n")
	math(EXPR number "${number} + 1")
endforeach()
configure_file(${CMAKE_CURRENT_SOURCE_DIR}/web/files.c.in ${CMAKE_CURRENT_BINARY_DIR}/web_files.c @ONLY)
list(TRANSFORM SPIKED_PAGE_FILES PREPEND ${folder}/)
set_source_files_properties(${CMAKE_CURRENT_BINARY_DIR}/web_files.c PROPERTIES OBJECT_DEPENDS
	"${SPIKED_PAGE_FILES}")
