# Makes the sample hub at HUB unless it is newer than every script that makes it: cmake -P with PYTHON, SOURCE, HUB, CACHE.
file(GLOB_RECURSE scripts "${SOURCE}/make_sample_hub.py" "${SOURCE}/samplehub/*.py")
set(stale FALSE)
foreach(script IN LISTS scripts)
  if("${script}" IS_NEWER_THAN "${HUB}/hub.json")
    set(stale TRUE)
  endif()
endforeach()
if(stale)
  file(REMOVE_RECURSE "${HUB}")
  execute_process(COMMAND "${PYTHON}" -B "${SOURCE}/make_sample_hub.py" "${HUB}" --cache "${CACHE}"
    COMMAND_ERROR_IS_FATAL ANY)
endif()
