# Writes what is installed beside the programs, as they tell it themselves:
#   cmake -DBATUTA=PROGRAM -DBATUTAD=PROGRAM -DOUT=FOLDER -P WriteManual.cmake
# Makes FOLDER/{man1,man8,completions} and FOLDER/config.toml anew. The programs see an empty environment, so that nothing of
# this machine gets into what is installed elsewhere.

# ask(<file> <program> <argument>...): what it prints goes into the file.
function(ask file)
  get_filename_component(folder "${file}" DIRECTORY)
  file(MAKE_DIRECTORY "${folder}")
  execute_process(COMMAND /usr/bin/env -i HOME=/nonexistent LC_ALL=C.UTF-8 ${ARGN}
                  OUTPUT_FILE "${file}" COMMAND_ERROR_IS_FATAL ANY)
endfunction()

file(REMOVE_RECURSE "${OUT}/man1" "${OUT}/man8" "${OUT}/completions")
ask("${OUT}/pages.txt" "${BATUTA}" __man)
file(STRINGS "${OUT}/pages.txt" pages)
foreach(page IN LISTS pages)
  ask("${OUT}/man1/${page}.1" "${BATUTA}" __man ${page})
endforeach()
ask("${OUT}/man8/batutad.8" "${BATUTAD}" --print-manual)
ask("${OUT}/config.toml" "${BATUTAD}" --system --print-config-template)
ask("${OUT}/completions/batuta" "${BATUTA}" completion bash)
ask("${OUT}/completions/_batuta" "${BATUTA}" completion zsh)
ask("${OUT}/completions/batuta.fish" "${BATUTA}" completion fish)

# Manuals are read compressed; without names and times in them two builds make the same files.
file(GLOB written "${OUT}/man1/*" "${OUT}/man8/*")
execute_process(COMMAND gzip -9n ${written} COMMAND_ERROR_IS_FATAL ANY)
file(TOUCH "${OUT}/written")
