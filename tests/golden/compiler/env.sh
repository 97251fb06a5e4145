adapter=x
