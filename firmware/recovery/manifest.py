# Freezes Petrel's inisetup in place of the port's. Include it after the port's own manifest.
files = include.__self__.files()
files[:] = [file for file in files if file.target_path != "inisetup.py"]
module("inisetup.py")
