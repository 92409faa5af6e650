print("perch-load")
