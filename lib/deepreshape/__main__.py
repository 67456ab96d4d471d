from deepreshape.cli import main

main()
